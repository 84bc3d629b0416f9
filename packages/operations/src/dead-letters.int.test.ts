import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { park } from '@orderflow/messaging/dead-letters';
import { transaction } from '@orderflow/messaging/postgres';
import { orderCreated, toDeliveries } from '@orderflow/testing/events';
import { AWAY, BUG, openOperated, OPERATOR, type OperatedService } from './operated-under-test.test.ts';

describe('operators', () => {
  let service: OperatedService;
  beforeAll(async () => {
    service = await openOperated();
  });
  afterAll(() => service.close());
  beforeEach(() => service.clear());

  it('list dead letters page by page, and none for another service', async () => {
    await service.parked([1, 2, 3]);
    const first = await service.get('/v1/ops/dead-letters?limit=2');
    expect(first.body.data.map(({ id }: { id: number }) => id)).toEqual([3, 2]);
    expect(first.body.data[0]).toMatchObject({
      service: 'payment',
      step: 'payment.note',
      topic: 'order-created',
      key: { encoding: 'utf8', text: '3' },
      eventId: 'order-created/3',
      reason: 'FAULT',
      closedAt: null,
    });
    const last = await service.get(`/v1/ops/dead-letters?limit=2&cursor=${first.body.nextCursor}`);
    expect([last.body.data.length, last.body.nextCursor]).toEqual([1, null]);
    expect((await service.get('/v1/ops/dead-letters?service=order')).body.data).toEqual([]);
    expect((await service.get('/v1/ops/dead-letters?reason=SCHEMA')).body.data).toEqual([]);
  });

  it('show one whole: text as text, other bytes in base64', async () => {
    const [message] = toDeliveries([orderCreated({ orderId: 1 })]);
    const headers = { ...message!.headers, trace: Buffer.from([0xff, 0x00]) };
    const binary = { ...message!, headers, key: null, value: Buffer.from([0xfe, 0xff]) };
    await service.parked([1]);
    await service.parked([], {});
    await transaction(service.pool, (tx) =>
      park(tx, 'payment.note', [{ message: { ...binary, offset: '77' }, reason: 'UNPARSEABLE', error: 'x' }]),
    );
    const text = (await service.get('/v1/ops/dead-letters/payment/1')).body;
    expect(JSON.parse(text.value.text)).toMatchObject({ orderId: 1 });
    const { body } = await service.get('/v1/ops/dead-letters/payment/2');
    expect(body).toMatchObject({ key: null, value: { encoding: 'base64', text: '/v8=' } });
    expect(body.headers).toContainEqual({ name: 'trace', value: { encoding: 'base64', text: '/wA=' } });
    expect(body.headers).toContainEqual({
      name: 'ce_id',
      value: { encoding: 'utf8', text: 'order-created/1' },
    });
    for (const path of ['payment/3', 'order/1']) {
      const missing = await service.get(`/v1/ops/dead-letters/${path}`);
      expect([missing.status, missing.body.code]).toEqual([404, 'DEAD_LETTER_NOT_FOUND']);
    }
  });

  describe('replay', () => {
    it('what is named: each ends as it would, is closed with who and why, and is written down once', async () => {
      await service.parked([1, BUG, 2]);
      await service.owner.query('UPDATE dead_letters SET value = $1 WHERE id = 3', [Buffer.from('{bad')]);
      const { status, body } = await service.replay({ ids: [1, 2, 3, 99] });
      expect(status).toBe(200);
      expect(body).toEqual({
        service: 'payment',
        dryRun: false,
        matched: 3,
        remaining: 0,
        nextAfter: null,
        replayed: 1,
        noEffect: 0,
        refused: [
          { id: 99, code: 'DEAD_LETTER_NOT_FOUND', why: 'there is no open dead letter 99' },
          { id: 2, code: 'FAULT', why: 'a bug in decide' },
          { id: 3, code: 'UNPARSEABLE', why: expect.any(String) },
        ],
      });
      expect([await service.noted(), await service.open()]).toEqual([[1], [2, 3]]);
      const { rows } = await service.owner.query(
        'SELECT outcome, closed_by, note FROM dead_letters WHERE id = 1',
      );
      expect(rows).toEqual([{ outcome: 'REPLAYED', closed_by: '9', note: 'mended' }]);
      expect(await service.actions()).toEqual([
        {
          subject: OPERATOR,
          action: 'dead-letters.replay',
          request: { service: 'payment', ids: [1, 2, 3, 99], dryRun: false, reason: 'mended' },
          outcome: expect.objectContaining({ replayed: 1, noEffect: 0, ids: [1, 2, 3] }),
        },
      ]);
    });

    it('what matches a filter; a dry run says the same and changes nothing', async () => {
      await service.parked([1, 2]);
      await service.parked([3], { reason: 'SCHEMA' }, 'payment.note2');
      const dry = await service.replay({ filter: { step: 'payment.note' }, dryRun: true });
      expect(dry.body).toMatchObject({ dryRun: true, matched: 2, replayed: 2, remaining: 0, refused: [] });
      expect([await service.noted(), await service.open(), await service.actions()]).toEqual([
        [],
        [1, 2, 3],
        [],
      ]);
      const wet = await service.replay({ filter: { step: 'payment.note' } });
      expect(wet.body).toMatchObject({ dryRun: false, matched: 2, replayed: 2, remaining: 0, refused: [] });
      expect([await service.noted(), await service.open()]).toEqual([[1, 2], [3]]);
    });

    it('no step that this release does not have', async () => {
      await service.parked([1], {}, 'payment.gone');
      expect((await service.replay({ filter: { step: 'payment.gone' } })).body).toMatchObject({
        matched: 1,
        replayed: 0,
        refused: [{ id: 1, code: 'STEP_NOT_FOUND' }],
      });
    });

    it('nothing older than 21 days: a 409 for one, counted among several', async () => {
      await service.parked([1, 2]);
      await service.owner.query(
        `UPDATE dead_letters SET parked_at = now() - interval '22 days' WHERE id = 1`,
      );
      const one = await service.replay({ ids: [1] });
      expect([one.status, one.body.code]).toEqual([409, 'TOO_OLD']);
      expect((await service.replay({ filter: { reason: 'FAULT' } })).body).toMatchObject({
        replayed: 1,
        refused: [{ id: 1, code: 'TOO_OLD' }],
      });
      expect(await service.open()).toEqual([1]);
    });

    it('one that is not there: a 404; nor one of another service', async () => {
      expect((await service.replay({ ids: [1] })).body).toMatchObject({
        status: 404,
        code: 'DEAD_LETTER_NOT_FOUND',
      });
      await service.parked([1]);
      expect((await service.replay({ service: 'order', ids: [1] })).body).toMatchObject({
        code: 'DEAD_LETTER_NOT_FOUND',
      });
    });

    it('no faster than asked', async () => {
      await service.parked([1, 2, 3, 4, 5]);
      const started = performance.now();
      expect((await service.replay({ filter: { reason: 'FAULT' }, ratePerSecond: 20 })).body.replayed).toBe(
        5,
      );
      expect(performance.now() - started).toBeGreaterThanOrEqual(200);
    });

    it('until a backend is away: what is left remains, and goes on after the last', async () => {
      await service.parked([1, 2, AWAY, 4]);
      const { body } = await service.replay({ filter: { reason: 'FAULT' } });
      expect(body).toMatchObject({ matched: 4, replayed: 2, remaining: 2, nextAfter: 2 });
      expect((await service.replay({ filter: { reason: 'FAULT' }, after: 2 })).status).toBe(503);
      expect((await service.replay({ filter: { reason: 'FAULT' }, after: 3 })).body).toMatchObject({
        matched: 1,
        replayed: 1,
        nextAfter: null,
      });
      expect(await service.open()).toEqual([3]);
    });
  });

  describe('discard', () => {
    it('closes what is named or matches, writes it down, and runs nothing', async () => {
      await service.parked([1, 2, 3]);
      expect((await service.discard({ ids: [1], dryRun: true })).body).toMatchObject({
        matched: 1,
        discarded: 1,
      });
      expect([await service.open(), await service.actions()]).toEqual([[1, 2, 3], []]);
      expect((await service.discard({ ids: [1] })).body).toMatchObject({
        discarded: 1,
        remaining: 0,
        refused: [],
      });
      expect((await service.discard({ ids: [1] })).status).toBe(404);
      expect((await service.discard({ ids: [1, 2] })).body).toMatchObject({
        discarded: 1,
        refused: [{ id: 1 }],
      });
      expect((await service.discard({ filter: { topic: 'order-created' } })).body).toMatchObject({
        discarded: 1,
      });
      expect([await service.open(), await service.noted()]).toEqual([[], []]);
      expect((await service.actions()).map(({ action, outcome }) => [action, outcome])).toEqual([
        ['dead-letters.discard', { ids: [1] }],
        ['dead-letters.discard', { ids: [2] }],
        ['dead-letters.discard', { ids: [3] }],
      ]);
    });

    it('goes on with the next thousand', async () => {
      await service.parked(Array.from({ length: 1_002 }, (_, at) => 100 + at));
      const first = await service.discard({ filter: { reason: 'FAULT' } });
      expect(first.body).toMatchObject({ matched: 1_002, discarded: 1_000, remaining: 2, nextAfter: 1_000 });
      const rest = await service.discard({ filter: { reason: 'FAULT' }, after: first.body.nextAfter });
      expect(rest.body).toMatchObject({ matched: 2, discarded: 2, remaining: 0, nextAfter: null });
    });
  });

  it.each<[string, object]>([
    ['neither ids nor a filter', {}],
    ['both', { ids: [1], filter: { step: 'a' } }],
    ['an empty filter', { filter: {} }],
    ['no ids', { ids: [] }],
    ['more ids than a request may name', { ids: Array.from({ length: 1_001 }, (_, at) => at + 1) }],
    ['no reason', { ids: [1], reason: '  ' }],
    ['an unknown field', { ids: [1], force: true }],
    ['an unknown reason to filter by', { filter: { reason: 'ODD' } }],
  ])('refuse to act with %s', async (_, body) => {
    for (const answer of [await service.replay(body), await service.discard(body)]) {
      expect([answer.status, answer.body.code]).toEqual([400, 'VALIDATION_FAILED']);
    }
  });
});
