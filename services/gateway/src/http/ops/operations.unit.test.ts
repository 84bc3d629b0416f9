import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { SERVICES, type Service } from '@orderflow/operations/shapes';
import { listen, type Listening } from '@orderflow/service-runtime/listen';
import request from 'supertest';
import { host, runGateway, type RunningGateway } from '../../running-gateway.test.ts';

interface Asked {
  readonly service: Service;
  readonly target: string;
  readonly incoming: IncomingMessage;
  readonly body: unknown;
}

type Play = (asked: Asked) => { readonly status?: number; readonly body: unknown } | 'silence';

describe("operators' questions to all services", () => {
  let gateway: RunningGateway;
  let servers: Listening[];
  let asked: Asked[];
  let play: Play;

  async function startService(service: Service): Promise<Listening> {
    return listen(
      (incoming, response) => {
        void (async () => {
          const body = incoming.method === 'POST' ? await json(incoming).catch(() => undefined) : undefined;
          const question = { service, target: incoming.url ?? '', incoming, body };
          asked.push(question);
          const answer = play(question);
          if (answer === 'silence') return;
          response.writeHead(answer.status ?? 200, { 'Content-Type': 'application/json' });
          response.end(JSON.stringify(answer.body));
        })();
      },
      { host, port: 0 },
    );
  }

  beforeAll(async () => {
    servers = await Promise.all(SERVICES.map(startService));
    const urls = SERVICES.map((name, at) => [
      `${name.toUpperCase().replace('-', '_')}_URL`,
      servers[at]?.url ?? '',
    ]);
    gateway = await runGateway(Object.fromEntries(urls) as Record<string, string>);
  });
  afterAll(async () => {
    await gateway.close();
    for (const server of servers) server.server.closeAllConnections();
    await Promise.all(servers.map((server) => server.close()));
  });
  beforeEach(() => {
    asked = [];
    play = () => ({ body: {} });
  });

  const operator = () => gateway.issuer.authorization('first', { sub: '9', roles: ['operator'] });
  const get = (path: string) => request(gateway.url).get(path).set('Authorization', operator());
  const post = (path: string, body: object) =>
    request(gateway.url).post(path).set('Authorization', operator()).send(body);
  const away = { status: 503, body: { status: 503, code: 'UNAVAILABLE', detail: 'database away' } };

  it('are asked by operators only, and with their own token', async () => {
    play = () => ({ body: { data: [], nextCursor: null, unavailable: [] } });
    expect((await request(gateway.url).get('/v1/ops/lag')).status).toBe(401);
    const user = await request(gateway.url).get('/v1/ops/lag').set('Authorization', gateway.token());
    expect([user.status, user.body.code]).toEqual([403, 'FORBIDDEN']);
    expect(asked).toEqual([]);
    const authorization = operator();
    await get('/v1/ops/lag').set({ Authorization: authorization, 'X-Request-Id': 'mine' }).expect(200);
    expect(asked.map(({ service }) => service).sort()).toEqual([...SERVICES].sort());
    for (const { incoming } of asked) {
      expect(incoming.headers).toMatchObject({ authorization, 'x-request-id': 'mine' });
    }
  });

  it.each(['/v1/ops/outbox', '/v1/ops/lag'])(
    'are answered as one list, in the order of the services: %s',
    async (path) => {
      play = ({ service }) => ({ body: { data: [{ service }], nextCursor: null, unavailable: [] } });
      const { body } = await get(path).expect(200);
      expect(body).toEqual({
        data: SERVICES.map((service) => ({ service })),
        nextCursor: null,
        unavailable: [],
      });
    },
  );

  it('name the services that are away, silent, broken or older, and answer with what the others say', async () => {
    play = ({ service }) => {
      if (service === 'coupon') return away;
      if (service === 'product') return { status: 500, body: { code: 'INTERNAL' } };
      if (service === 'payment') return 'silence';
      if (service === 'order') return { status: 404, body: { code: 'ROUTE_NOT_FOUND' } };
      return { body: { data: [{ service }], nextCursor: null, unavailable: [] } };
    };
    const { body } = await get('/v1/ops/outbox').expect(200);
    expect(body.data).toEqual([{ service: 'user-balance' }]);
    expect(body.unavailable).toEqual(['order', 'payment', 'product', 'coupon']);
  });

  it('are a 503 when no service answers', async () => {
    play = () => away;
    const { status, body, headers } = await get('/v1/ops/lag');
    expect([status, body.code, headers['retry-after']]).toEqual([503, 'UNAVAILABLE', '1']);
  });

  describe('about dead letters', () => {
    /** Twelve letters, in turn over three services, newest last: 12 is the youngest. */
    const letters: Readonly<Partial<Record<Service, readonly number[]>>> = {
      order: [12, 9, 6, 3],
      coupon: [11, 8, 5, 2],
      'user-balance': [10, 7, 4, 1],
    };
    const at = (id: number) => `2026-11-22T10:00:${String(id).padStart(2, '0')}.000Z`;
    const listed = (own: typeof letters): Play => {
      return ({ service, target }) => {
        const query = new URL(target, 'http://x').searchParams;
        const cursor = query.get('cursor');
        const before = cursor === null ? Infinity : Number(Buffer.from(cursor, 'base64url').toString());
        const limit = Number(query.get('limit'));
        const rest = (own[service] ?? []).filter((id) => id < before);
        const data = rest.slice(0, limit).map((id) => ({ id, service, parkedAt: at(id) }));
        const nextCursor =
          rest.length > limit ? Buffer.from(String(data.at(-1)?.id)).toString('base64url') : null;
        return { body: { data, nextCursor, unavailable: [] } };
      };
    };
    async function pages(query: string, between: () => void = () => undefined): Promise<number[][]> {
      const found: number[][] = [];
      let cursor: string | null = null;
      do {
        const next: string = cursor === null ? '' : `&cursor=${cursor}`;
        const { body } = await get(`/v1/ops/dead-letters?${query}${next}`).expect(200);
        found.push((body.data as { id: number }[]).map(({ id }) => id));
        cursor = body.nextCursor as string | null;
        between();
      } while (cursor !== null);
      return found;
    }

    it('are merged, newest first, page by page, each letter once', async () => {
      play = listed(letters);
      expect(await pages('limit=5')).toEqual([
        [12, 11, 10, 9, 8],
        [7, 6, 5, 4, 3],
        [2, 1],
      ]);
      expect(await pages('limit=100')).toEqual([[12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]]);
    });

    it('go on while any service has more, also when another has none left', async () => {
      play = listed({ order: [5, 4, 3, 2, 1], 'user-balance': [9] });
      expect((await pages('limit=2')).flat()).toEqual([9, 5, 4, 3, 2, 1]);
    });

    it('stay in their places when new ones come in between', async () => {
      play = listed(letters);
      let added = 20;
      const found = await pages('limit=5', () => {
        play = listed({ ...letters, coupon: [(added += 1), ...(letters.coupon ?? [])] });
      });
      expect(found.flat()).toEqual([12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    });

    it('are asked of one service when the filter names one; other conditions go along', async () => {
      play = listed(letters);
      await get(
        '/v1/ops/dead-letters?service=coupon&step=coupon.apply&reason=FAULT&includeClosed=true',
      ).expect(200);
      expect(asked.map(({ service }) => service)).toEqual(['coupon']);
      const query = new URL(asked[0]?.target ?? '', 'http://x').searchParams;
      expect(Object.fromEntries(query)).toEqual({
        limit: '20',
        step: 'coupon.apply',
        reason: 'FAULT',
        includeClosed: 'true',
      });
    });

    it('go on without a service that is away, and end', async () => {
      const all = listed(letters);
      play = (question) => (question.service === 'coupon' ? away : all(question));
      expect((await pages('limit=5')).flat()).toEqual([12, 10, 9, 7, 6, 4, 3, 1]);
      const { body } = await get('/v1/ops/dead-letters').expect(200);
      expect(body.unavailable).toEqual(['coupon']);
    });

    it.each(['cursor=x', 'cursor=WzEsMl0', 'service=x', 'reason=x', 'limit=0', 'includeClosed=1'])(
      'are refused with %s',
      async (query) => {
        const { status, body } = await get(`/v1/ops/dead-letters?${query}`);
        expect([status, body.code]).toEqual([400, 'VALIDATION_FAILED']);
        expect(asked).toEqual([]);
      },
    );

    it('are replayed and discarded by the service that the body names, which has the last word', async () => {
      play = () => ({ body: { replayed: 1 } });
      const body = { service: 'coupon', ids: [7], reason: 'mended' };
      const done = await post('/v1/ops/dead-letters/replay', body).expect(200);
      expect(done.body).toEqual({ replayed: 1 });
      expect(asked.map(({ service, target }) => [service, target])).toEqual([
        ['coupon', '/v1/ops/dead-letters/replay'],
      ]);
      expect(asked[0]?.body).toEqual({ ...body, dryRun: false });
      play = () => ({ status: 409, body: { code: 'TOO_OLD', detail: 'parked long ago' } });
      const refused = await post('/v1/ops/dead-letters/replay', body);
      expect(refused.status).toBe(409);
      expect(refused.body).toMatchObject({ code: 'TOO_OLD', detail: 'parked long ago' });
      play = () => away;
      expect((await post('/v1/ops/dead-letters/discard', body)).status).toBe(503);
      expect((await post('/v1/ops/dead-letters/discard', { ...body, ids: [] })).status).toBe(400);
    });

    it('are shown by the service that has them', async () => {
      play = () => ({ status: 404, body: { code: 'DEAD_LETTER_NOT_FOUND', detail: 'none' } });
      const { status, body } = await get('/v1/ops/dead-letters/payment/7');
      expect([status, body.code]).toEqual([404, 'DEAD_LETTER_NOT_FOUND']);
      expect(asked.map(({ service, target }) => [service, target])).toEqual([
        ['payment', '/v1/ops/dead-letters/payment/7'],
      ]);
      expect((await get('/v1/ops/dead-letters/nobody/7')).status).toBe(400);
    });
  });

  it('resume a step in the service that its name says', async () => {
    play = () => ({ status: 202, body: { step: 'user-balance.charge' } });
    await post('/v1/ops/steps/user-balance.charge/resume', {}).expect(202);
    expect(asked.map(({ service }) => service)).toEqual(['user-balance']);
    const { status, body } = await post('/v1/ops/steps/nobody.charge/resume', {});
    expect([status, body.code]).toEqual([404, 'STEP_NOT_FOUND']);
  });

  describe('about the books', () => {
    const totals: Readonly<Partial<Record<Service, string>>> = {
      order: 'totals of PAID orders',
      payment: 'payments',
      'user-balance': 'charges minus refunds',
    };
    const invariant = { id: 'I1', promise: 'p', unit: 'rows', checked: 1, violations: 0, examples: [] };
    const books = (service: Service, more: object = {}, amount = '12.50') => ({
      service,
      invariants: [invariant],
      totals: totals[service] === undefined ? [] : [{ name: totals[service], amount }],
      unpublishedRows: 0,
      openOrders: service === 'order' ? 0 : null,
      lastEventId: service === 'order' ? 7 : null,
      ...more,
    });
    const answer = (given: object) => ({ body: { services: [given], unavailable: [] } });
    const report = async () => (await get('/v1/ops/reconciliation').expect(200)).body;

    it('are exact when every service says so and the totals are one sum', async () => {
      play = ({ service }) => answer(books(service));
      expect(await report()).toMatchObject({ ok: true, atRest: true, totalsAgree: true, unavailable: [] });
    });

    it('are not when one service finds a violation', async () => {
      play = ({ service }) =>
        answer(books(service, service === 'coupon' ? { invariants: [{ ...invariant, violations: 2 }] } : {}));
      expect(await report()).toMatchObject({ ok: false, totalsAgree: true });
    });

    it('are not when the totals differ at rest: asked twice, so that a running order is no difference', async () => {
      play = ({ service }) => answer(books(service, {}, service === 'payment' ? '12.49' : '12.50'));
      expect(await report()).toMatchObject({ ok: false, atRest: true, totalsAgree: false });
      expect(asked).toHaveLength(2 * SERVICES.length);
      let event = 7;
      play = ({ service }) =>
        answer(
          books(
            service,
            service === 'order' ? { lastEventId: (event += 1) } : {},
            service === 'payment' ? '12.49' : '12.50',
          ),
        );
      expect(await report()).toMatchObject({ ok: true, atRest: false, totalsAgree: false });
    });

    it.each<[string, Service, object]>([
      ['an order is open', 'order', { openOrders: 1 }],
      ['something is unpublished', 'payment', { unpublishedRows: 1 }],
    ])('make no statement about the totals while %s', async (_, mover, more) => {
      play = ({ service }) =>
        answer(books(service, service === mover ? more : {}, service === 'payment' ? '0.00' : '12.50'));
      expect(await report()).toMatchObject({ ok: true, atRest: false, totalsAgree: false });
    });

    it('leave the sum open while a service that has a part of it is away', async () => {
      play = ({ service }) => (service === 'payment' ? away : answer(books(service)));
      expect(await report()).toMatchObject({ atRest: false, totalsAgree: null, unavailable: ['payment'] });
    });
  });
});
