import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { localToken } from '@orderflow/client/local-token';
import { inParallel } from '@orderflow/local/demo/parallel';
import type { ProcessName } from '@orderflow/local/ports';
import type { ProblemCode } from '@orderflow/service-runtime/problem';
import type { RunningStack } from '@orderflow/testing/running-stack';
import { waitUntil } from '@orderflow/testing/wait-until';
import { BareClient, type BareRequest } from './bare-http.ts';
import { expectExactBooks } from './exactness.ts';
import { openFilesOf, watchMemory, type MemoryWatch } from './footprint.ts';
import { hold, openFilesMax, pour, trickle, type Held } from './hostile-callers.ts';
import { buy, newProduct, newUser, place } from './people.ts';
import { faultOf } from './refusals.ts';

/** The gateway's CONNECTIONS_MAX: every place it has. */
const CONNECTIONS = 10_000;
/** This process needs some for the other tests of it. */
const SPARE_FILES = 5_000;
const FILES = openFilesMax();
const HELD = Math.min(CONNECTIONS, FILES - SPARE_FILES);
const FEWER = HELD < CONNECTIONS ? ` (not ${CONNECTIONS}: one process may open ${FILES} files here)` : '';

const SLOW = 300;
/** STREAMS_PER_USER_MAX of the gateway. */
const STREAMS_OF_ONE = 250;
const STREAMING_USERS = 8;
const STREAMS = STREAMS_OF_ONE * STREAMING_USERS;

const HONEST_CALLERS = 4;
/** Requests of honest callers that begin after all hostile ones are there. */
const ASKED_THEN = 200;
/** Measured on two busy cores: half of all within 30 ms, the slowest after 1.5 s, while 10,000 connections were opened. */
const LATEST_MS = 5_000;

const WATCHED = ['gateway', 'order', 'user-balance'] as const satisfies readonly ProcessName[];
/** Measured: gateway 264 MB, order 277 MB, user-balance 222 MB. */
const MEMORY_MAX = 400 * 1024 * 1024;

/** Whom everything is sent by, and where to. */
interface Scene {
  readonly gateway: string;
  readonly order: string;
  readonly authorization: string;
  readonly productId: number;
}

async function prepareScene(stack: RunningStack): Promise<Scene> {
  const [user, product] = await Promise.all([newUser(stack, '1000.00'), newProduct(stack, '0.01', 1e6)]);
  const { gateway, services } = stack.current();
  const token = await localToken(gateway, user.userId)();
  return { gateway, order: services.order, authorization: `Bearer ${token}`, productId: product.id };
}

interface Answered {
  readonly ms: number;
  readonly wrong: string | null;
}

/** The requests of an ordinary caller, in turn, each over a new connection. */
function ordinaryRequests({
  authorization,
  productId,
}: Scene): ReadonlyArray<readonly [BareRequest, number]> {
  const request = (method: string, path: string, given?: object): BareRequest => ({
    method,
    path,
    headers: {
      authorization,
      connection: 'close',
      ...(given && { 'content-type': 'application/json', 'idempotency-key': randomUUID() }),
    },
    body: given ? Buffer.from(JSON.stringify(given)) : null,
  });
  return [
    [request('GET', '/v1/products?limit=20'), 200],
    [request('POST', '/v1/balance/top-ups', { amount: '0.01' }), 201],
    [request('GET', '/v1/balance'), 200],
    [request('POST', '/v1/orders', { items: [{ productId, quantity: 1 }] }), 202],
  ];
}

/** Callers who want all that the gateway and the services have, and callers who want a product. */
export function describeOverload(stack: () => RunningStack): void {
  describe('callers who mean no good', () => {
    const honest = new BareClient(HONEST_CALLERS);
    const hostile = new BareClient(16);
    const held: Held[] = [];
    let scene: Scene;
    let memory: MemoryWatch;
    let rested: Map<ProcessName, number>;
    let slow: { readonly headers: Held; readonly bodies: Held };

    const keep = async (opening: Promise<Held>): Promise<Held> => {
      const opened = await opening;
      held.push(opened);
      return opened;
    };
    const slowHead = 'POST /v1/orders HTTP/1.1\r\nHost: x\r\nX-Slow: ';
    const bodyHead = (path: string, framing: string) =>
      `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${scene.authorization}\r\n` +
      `Idempotency-Key: ${randomUUID()}\r\nContent-Type: application/json\r\n${framing}\r\n\r\n`;

    beforeAll(async () => {
      scene = await prepareScene(stack());
      const files = WATCHED.map(async (name) => [name, await openFilesOf(stack(), name)] as const);
      rested = new Map<ProcessName, number>(await Promise.all(files));
      memory = watchMemory(stack(), WATCHED);
      // Open until the service ends them: 10 s for headers, 30 s for a body, looked at every 5 s.
      const [headers, bodies] = await Promise.all([
        keep(hold(scene.order, SLOW, trickle(slowHead))),
        keep(hold(scene.order, SLOW, trickle(bodyHead('/v1/orders', 'Content-Length: 1000')))),
      ]);
      slow = { headers, bodies };
    }, 60_000);

    afterAll(() => {
      memory.end();
      for (const one of held) one.release();
      honest.close();
      hostile.close();
    });

    async function ask([request, status]: readonly [BareRequest, number]): Promise<Answered> {
      const startedAt = performance.now();
      const wrong = await honest.send(scene.gateway, request).then(
        (answer) => (answer.status === status ? null : `${answer.status} ${answer.body}`),
        (error: unknown) => String(error),
      );
      const what = wrong && `${request.method} ${request.path}: ${wrong}`;
      return { ms: Math.round(performance.now() - startedAt), wrong: what };
    }

    /** Does `work` while ordinary requests are sent, and expects that each of them was answered, rightly and in time. */
    async function expectServedDuring(work: () => Promise<void>): Promise<void> {
      const answers: Answered[] = [];
      let until = Number.POSITIVE_INFINITY;
      const call = async () => {
        while (answers.length < until) {
          for (const request of ordinaryRequests(scene)) answers.push(await ask(request));
        }
      };
      const calling = inParallel(HONEST_CALLERS, Array.from({ length: HONEST_CALLERS }), call);
      try {
        await work();
      } finally {
        until = answers.length + ASKED_THEN;
      }
      await calling;
      const wrong = answers.flatMap((answer) => answer.wrong ?? []);
      expect({ count: wrong.length, wrong: wrong.slice(0, 5) }).toEqual({ count: 0, wrong: [] });
      expect(Math.max(...answers.map(({ ms }) => ms))).toBeLessThan(LATEST_MS);
    }

    it(`hold ${HELD} connections${FEWER}, half of them silent from the first: who asks is served`, async () => {
      const { gateway } = scene;
      const idle: Held[] = [];
      const asked = 'GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n';
      try {
        await expectServedDuring(async () => {
          idle.push(await keep(hold(gateway, HELD / 2, (socket) => socket.write(asked))));
          idle.push(await keep(hold(gateway, HELD / 2)));
          const count = (of: (one: Held) => number) => idle.reduce((sum, one) => sum + of(one), 0);
          const isAnswered = () => count((one) => one.told('HTTP/1.1 404 ')) > (HELD / 2) * 0.98;
          await waitUntil(isAnswered, { what: 'an answer for nearly all that asked' });
          expect(count((one) => one.open())).toBeGreaterThan(HELD * 0.98);
        });
      } finally {
        for (const one of idle) one.release();
      }
    }, 60_000);

    it('send 10 MB, bodies without an end, 10,000 levels of JSON: refused, and who asks is served', async () => {
      const { gateway, order } = scene;
      const bodies: ReadonlyArray<readonly [body: Buffer, times: number, code: ProblemCode]> = [
        [Buffer.alloc(10_000_000, 'x'), 20, 'BODY_TOO_LARGE'],
        [Buffer.from('['.repeat(10_000) + ']'.repeat(10_000)), 200, 'MALFORMED_JSON'],
      ];
      const doors = [
        [gateway, '/v1/auth/token'],
        [gateway, '/v1/orders'],
        [order, '/v1/orders'],
      ] as const;
      const sent = bodies.flatMap(([body, times, code]) =>
        doors.flatMap(([door, path]) => Array.from({ length: times }, () => ({ body, code, door, path }))),
      );
      await expectServedDuring(async () => {
        const endless = await Promise.all(
          doors.map(([door, path]) =>
            keep(hold(door, 4, pour(bodyHead(path, 'Transfer-Encoding: chunked')))),
          ),
        );
        const faults = await inParallel(16, sent, async ({ body, code, door, path }) => {
          const { authorization } = scene;
          const headers = { authorization, 'content-type': 'application/json', 'idempotency-key': 'large' };
          const answer = await hostile.send(door, { method: 'POST', path, headers, body });
          return faultOf(answer, [code]);
        });
        expect(faults.filter((fault) => fault !== null)).toEqual([]);
        for (const one of endless) {
          await waitUntil(() => one.open() === 0, { what: 'the end of a body without an end' });
          // 16 MB are read and dropped, so that the refusal is not lost; the rest lies in buffers of the system.
          expect(one.mostSent()).toBeLessThan(40_000_000);
        }
      });
    }, 60_000);

    it(`hold ${STREAMS} streams, all that ${STREAMING_USERS} users may have: who asks is served`, async () => {
      const { gateway } = scene;
      const payment = stack().current().pids['payment'] as number;
      const product = await newProduct(stack());
      const users = await Promise.all(
        Array.from({ length: STREAMING_USERS }, () => newUser(stack(), '100.00')),
      );
      const streams: Held[] = [];
      const streamed = (text: string) => streams.reduce((sum, one) => sum + one.told(text), 0);
      // An order that is not paid keeps its streams open.
      process.kill(payment, 'SIGSTOP');
      try {
        await expectServedDuring(async () => {
          let oneMore: BareRequest | null = null;
          for (const user of users) {
            const { id } = await place(user, buy(product));
            const authorization = `Bearer ${await localToken(gateway, user.userId)()}`;
            const path = `/v1/orders/${id}/stream`;
            oneMore = { method: 'GET', path, headers: { authorization }, body: null };
            const head = `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n\r\n`;
            streams.push(await keep(hold(gateway, STREAMS_OF_ONE, (socket) => socket.write(head))));
          }
          const all = { what: 'the first event of every stream', timeoutMs: 20_000 };
          await waitUntil(() => streamed('event: status') === STREAMS, all);
          const refusal = await hostile.send(gateway, oneMore!);
          expect(faultOf(refusal, ['RATE_LIMITED'])).toBeNull();
        });
      } finally {
        process.kill(payment, 'SIGCONT');
      }
      const ended = { what: 'the end of every stream', timeoutMs: 30_000 };
      await waitUntil(() => streamed('"status":"PAID"') === STREAMS, ended);
      for (const one of streams) one.release();
    }, 90_000);

    it('are not waited for: half a request is answered 408 in time, and closed', async () => {
      const { headers, bodies } = slow;
      await waitUntil(() => headers.open() + bodies.open() === 0, { what: 'their end', timeoutMs: 40_000 });
      expect(headers.told('HTTP/1.1 408 ')).toBe(SLOW);
      expect(bodies.told('HTTP/1.1 408 ')).toBe(SLOW);
    }, 60_000);

    it('leave nothing behind: memory stayed bounded, connections are gone, the books are exact', async () => {
      for (const [name, files] of rested) {
        // The gateway keeps some connections to the services for a minute, as few as requests ran at once.
        const isBack = async () => (await openFilesOf(stack(), name)) < files + 100;
        await waitUntil(isBack, { what: `the open files of ${name} as before` });
      }
      const tooMuch = Object.entries(memory.peaks()).filter(([, bytes]) => bytes > MEMORY_MAX);
      expect(tooMuch).toEqual([]);
      await expectExactBooks(stack());
    }, 90_000);
  });
}
