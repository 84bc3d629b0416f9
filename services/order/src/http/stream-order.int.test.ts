import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { listen, type Listening } from '@orderflow/service-runtime/listen';
import {
  balanceRefunded,
  couponRestored,
  paymentCompleted,
  paymentRefunded,
  stockRejected,
  stockReleased,
  stockReserved,
} from '@orderflow/testing/events';
import { waitUntil } from '@orderflow/testing/wait-until';
import {
  openOrderService,
  OPERATOR,
  STREAMS_MAX,
  type OrderBody,
  type OrderService,
} from '../order-under-test.test.ts';

const ANN = 1;
const BOB = 2;

interface Seen {
  readonly id: number;
  readonly event: string;
  readonly data: OrderBody;
}

describe("an order's stream", () => {
  let orders: OrderService;
  let door: Listening;
  let callers: AbortController[];

  beforeAll(async () => {
    orders = await openOrderService();
    door = await listen(orders.app, { host: '127.0.0.1', port: 0 });
  });
  afterAll(async () => {
    await door.close();
    await orders.close();
  });
  beforeEach(async () => {
    callers = [];
    await orders.clear();
  });
  afterEach(async () => {
    callers.forEach((caller) => caller.abort());
    await waitUntil(async () => (await openStreams()) === 0, { what: 'all streams let go' });
  });

  async function openStreams(): Promise<number> {
    const { values } = (await orders.metrics.registry.getSingleMetric('http_streams_open')?.get()) ?? {};
    return values?.[0]?.value ?? 0;
  }

  /** Opens a stream; what it brings is read as it comes. */
  async function open(id: number | string, user = ANN, lastEventId?: string | number) {
    const caller = new AbortController();
    callers.push(caller);
    const answer = await fetch(`${door.url}/v1/orders/${id}/stream`, {
      headers: {
        authorization: String(user),
        ...(lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) }),
      },
      signal: caller.signal,
    });
    const seen: Seen[] = [];
    const reading = answer.status === 200 ? read(answer, seen) : Promise.resolve();
    const ended = reading.catch((error: unknown) => {
      if (!caller.signal.aborted) throw error;
    });
    return { answer, seen, ended, leave: () => caller.abort() };
  }

  async function read(answer: Response, seen: Seen[]): Promise<void> {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      const whole = text.split('\n\n');
      text = whole.pop() ?? '';
      for (const block of whole) {
        const [, id, event, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(block) ?? [];
        if (data !== undefined)
          seen.push({ id: Number(id), event: event ?? '', data: JSON.parse(data) as OrderBody });
      }
    }
  }

  const statuses = (seen: readonly Seen[]) => seen.map(({ data }) => data.status);
  const comes = (seen: readonly Seen[], ...expected: string[]) =>
    waitUntil(() => statuses(seen).join() === expected.join(), { what: expected.join() });
  const answers = (orderId: number) =>
    [stockReleased, couponRestored, balanceRefunded, paymentRefunded].map((answer) => answer({ orderId }));

  it('brings each status as it comes, as GET shows it, under the id of its line, and ends with PAID', async () => {
    const id = await orders.placed();
    const { answer, seen, ended } = await open(id);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    await comes(seen, 'CREATED');
    await orders.advance(stockReserved({ orderId: id }));
    await comes(seen, 'CREATED', 'STOCK_RESERVED');
    const { body } = await orders.get(`/v1/orders/${id}`, ANN);
    expect(seen[1]).toEqual({ id: expect.any(Number), event: 'status', data: body });
    await orders.advance(paymentCompleted({ orderId: id }));
    await ended;
    expect(statuses(seen)).toEqual(['CREATED', 'STOCK_RESERVED', 'PAID']);
    const lines = await orders.timeline(id);
    const idOf = (type: string) => lines.find((line) => line.type === type)?.id;
    expect(seen.map((event) => event.id)).toEqual(
      ['ORDER_CREATED', 'STOCK_RESERVED', 'ORDER_PAID'].map(idOf),
    );
  });

  it('tells a cancel and its end, and nothing of a nudge in between', async () => {
    const id = await orders.placed();
    const { seen, ended } = await open(id);
    await comes(seen, 'CREATED');
    await orders.cancel(id, ANN).expect(202);
    await comes(seen, 'CREATED', 'CANCELLING');
    await orders.nudge(id).expect(202);
    await orders.advance(...answers(id).slice(1));
    await orders.advance(...answers(id));
    await ended;
    expect(statuses(seen)).toEqual(['CREATED', 'CANCELLING', 'CANCELLED']);
    expect(seen.at(-1)?.data.failureReason).toBe('CANCELLED_BY_USER');
  });

  it('goes on after Last-Event-ID without repeating it', async () => {
    const id = await orders.placed();
    await orders.advance(stockReserved({ orderId: id }));
    const first = await open(id);
    await comes(first.seen, 'STOCK_RESERVED');
    first.leave();
    await first.ended;
    const same = await open(id, ANN, first.seen[0]?.id);
    await orders.advance(paymentCompleted({ orderId: id }));
    await same.ended;
    expect(statuses(same.seen)).toEqual(['PAID']);
    const late = await open(id, ANN, first.seen[0]?.id);
    await late.ended;
    expect(statuses(late.seen)).toEqual(['PAID']);
  });

  it('is a 204 for who has seen the last line of a final order, so that an EventSource rests', async () => {
    for (const end of [paymentCompleted, stockRejected]) {
      const id = await orders.placed();
      await orders.advance(end({ orderId: id }));
      const last = (await orders.timeline(id)).at(-1);
      const { answer } = await open(id, ANN, last?.id);
      expect(answer.status).toBe(204);
      expect(await answer.text()).toBe('');
    }
  });

  it('starts with the order as it is once a paid order is refunded', async () => {
    const id = await orders.placed();
    await orders.advance(paymentCompleted({ orderId: id }));
    const paid = await open(id);
    await paid.ended;
    await orders.cancel(id, ANN).expect(202);
    const refund = await open(id, ANN, paid.seen[0]?.id);
    await comes(refund.seen, 'CANCELLING');
    await orders.advance(...answers(id));
    await refund.ended;
    expect(statuses(refund.seen)).toEqual(['CANCELLING', 'CANCELLED']);
  });

  it('starts with the order as it is after its own cancel, also beside a stream that is open', async () => {
    const id = await orders.placed();
    const old = await open(id);
    await comes(old.seen, 'CREATED');
    await orders.cancel(id, ANN).expect(202);
    const { seen } = await open(id);
    await waitUntil(() => seen.length > 0);
    expect(statuses(seen)).toEqual(['CANCELLING']);
  });

  it.each(['abc', '0', '-1', '1.5', '9223372036854775808', '1'.repeat(40), ' ', '4711'])(
    'takes the Last-Event-ID %p, which is none of its own, as none',
    async (lastEventId) => {
      const { seen } = await open(await orders.placed(), ANN, lastEventId);
      await comes(seen, 'CREATED');
    },
  );

  it('takes the id of another order’s line as none', async () => {
    const other = await orders.placed(BOB);
    await orders.advance(paymentCompleted({ orderId: other }));
    const last = (await orders.timeline(other)).at(-1);
    const { seen } = await open(await orders.placed(), ANN, last?.id);
    await comes(seen, 'CREATED');
  });

  it('is its owner’s alone: to anyone else, operators included, it is not there', async () => {
    const id = await orders.placed(ANN);
    for (const [path, user] of [
      [id, BOB],
      [id, OPERATOR],
      [4_711_000, ANN],
      ['9223372036854775807', ANN],
    ] as const) {
      const { answer } = await open(path, user);
      expect(await answer.json()).toMatchObject({ status: 404, code: 'ORDER_NOT_FOUND' });
    }
    for (const path of ['0', 'x', '9223372036854775808']) {
      expect((await open(path)).answer.status).toBe(400);
    }
  });

  it('is refused while too many are open, and free again when one has left', async () => {
    const id = await orders.placed();
    const streams = [];
    for (let n = 0; n < STREAMS_MAX; n += 1) streams.push(await open(id));
    const { answer } = await open(id);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await answer.json()).toMatchObject({ code: 'SATURATED' });
    streams[0]?.leave();
    await waitUntil(async () => {
      const next = await open(id);
      return next.answer.status === 200;
    });
  });

  it('does not count those who were refused or are over', async () => {
    const id = await orders.placed();
    await orders.advance(paymentCompleted({ orderId: id }));
    for (let n = 0; n < 3 * STREAMS_MAX; n += 1) {
      const whole = await open(id);
      await whole.ended;
      const missing = await open(id, BOB);
      expect([whole.answer.status, missing.answer.status]).toEqual([200, 404]);
      await missing.answer.text();
    }
  });

  it('skips statuses rather than going back, whatever the order in which reads and changes meet', async () => {
    const LADDER = ['CREATED', 'STOCK_RESERVED', 'COUPON_APPLIED', 'BALANCE_CHARGED', 'PAID'];
    const ids = await Promise.all(Array.from({ length: 3 }, () => orders.placed()));
    const streams = await Promise.all(ids.map((id) => open(id)));
    await Promise.all(
      ids.map(async (orderId) => {
        await orders.advance(stockReserved({ orderId }));
        await orders.advance(paymentCompleted({ orderId }));
      }),
    );
    await Promise.all(streams.map(({ ended }) => ended));
    for (const { seen } of streams) {
      const rungs = statuses(seen).map((status) => LADDER.indexOf(status));
      expect(rungs).toEqual([...new Set(rungs)].sort());
      expect(rungs.at(-1)).toBe(4);
    }
  });
});
