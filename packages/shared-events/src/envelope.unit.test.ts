import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { EVENTS } from './catalog.ts';
import { defineEvent, encodeData, eventId, type DataOf, type EventOf } from './contract.ts';
import { decodeMessage, decodeOneOf, encodeMessage, type Message, type RawMessage } from './envelope.ts';
import { discountedOrder, timeSchema } from './order-so-far.ts';
import { OrderCancelling, OrderPaid } from './order.ts';
import { StockRejected } from './product.ts';

const paid: DataOf<typeof OrderPaid> = {
  orderId: 4711,
  userId: 42,
  couponId: null,
  items: [{ productId: 1, quantity: 2, expectedUnitPrice: null, unitPrice: 1250n, totalPrice: 2500n }],
  originalAmount: 2500n,
  discountAmount: 0n,
  totalAmount: 2500n,
  paidAt: '2026-11-22T10:00:00.120Z',
};
const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const origin = { time: new Date('2026-11-22T10:00:00Z'), causationId: null, traceparent: null };

/** The message of `paid` as a client hands it over, with parts of it replaced. */
function received(change: Partial<RawMessage> = {}): RawMessage {
  const { key, value, headers } = encodeMessage(OrderPaid, paid, origin);
  return { key: Buffer.from(key), value: Buffer.from(value), headers, ...change };
}

function withData(change: Record<string, unknown>): RawMessage {
  const data = JSON.parse(encodeData(OrderPaid, paid)) as Record<string, unknown>;
  return received({ value: Buffer.from(JSON.stringify({ ...data, ...change })) });
}

function refusal(message: RawMessage): string {
  const decoded = decodeMessage(OrderPaid, message);
  return decoded.ok ? 'none' : decoded.reason;
}

describe('a message', () => {
  it('comes back as the event it was made of', () => {
    const decoded = decodeMessage(OrderPaid, received());
    expect(decoded).toEqual({
      ok: true,
      event: { type: 'order.paid', version: 1, id: 'order-paid/4711', data: paid, traceparent: null },
    });
  });

  it('names its fact in its id, so that making it again gives the same identity', () => {
    expect(encodeMessage(OrderPaid, paid, origin).headers['ce_id']).toBe('order-paid/4711');
    expect(eventId(OrderCancelling, { orderId: 4711, attempt: 0 })).toBe('order-cancelling/4711');
    expect(eventId(OrderCancelling, { orderId: 4711, attempt: 1 })).toBe('order-cancelling/4711/1');
    expect(eventId(OrderCancelling, { orderId: 4711, attempt: 12 })).toBe('order-cancelling/4711/12');
  });

  it('has the id of its data, whatever its header claims', () => {
    const { headers } = received();
    const decoded = decodeMessage(OrderPaid, received({ headers: { ...headers, ce_id: 'order-paid/1' } }));
    expect(decoded).toMatchObject({ ok: true, event: { id: 'order-paid/4711' } });
  });

  it('carries what caused it and its trace only when there is one', () => {
    const names = (change: object) =>
      Object.keys(encodeMessage(OrderPaid, paid, { ...origin, ...change }).headers);
    expect(names({})).not.toContain('traceparent');
    expect(names({})).not.toContain('ce_causationid');
    expect(names({ traceparent: TRACEPARENT, causationId: 'payment-completed/4711' })).toEqual(
      expect.arrayContaining(['traceparent', 'ce_causationid']),
    );
  });

  it.each([
    [TRACEPARENT, TRACEPARENT],
    [`${TRACEPARENT}\0`, null],
    ['x'.repeat(100_000), null],
    ['', null],
  ])('hands on a trace only when it is one', (header, expected) => {
    const { headers } = received();
    const decoded = decodeMessage(
      OrderPaid,
      received({ headers: { ...headers, traceparent: Buffer.from(header) } }),
    );
    expect(decoded).toMatchObject({ ok: true, event: { traceparent: expected } });
  });

  it('loses fields that this version does not know', () => {
    const decoded = decodeMessage(OrderPaid, withData({ giftWrap: true, constructor: 1 }));
    expect(decoded).toMatchObject({ ok: true, event: { data: paid } });
    expect(decoded.ok && Object.keys(decoded.event.data)).toEqual(Object.keys(paid));
  });

  it('with a reason from a newer version is read as OTHER', () => {
    const data = { ...paid, reason: 'OTHER' as const };
    const { key, value, headers } = encodeMessage(StockRejected, data, origin);
    const newer = Buffer.from(value.replace('"OTHER"', '"OUT_OF_SEASON"'));
    const decoded = decodeMessage(StockRejected, { key: Buffer.from(key), value: newer, headers });
    expect(decoded).toMatchObject({ ok: true, event: { data: { reason: 'OTHER' } } });
  });
});

describe('a topic that holds two versions', () => {
  const OrderPaidV2 = defineEvent({
    type: 'order.paid',
    version: 2,
    topic: 'order-paid',
    publisher: 'order',
    schema: discountedOrder.extend({ paidAt: timeSchema, paidIn: z.string() }),
    extraKeys: ['paidAt', 'paidIn'],
  });
  type Paid = EventOf<typeof OrderPaid | typeof OrderPaidV2>;
  const second = encodeMessage(OrderPaidV2, { ...paid, paidIn: 'EUR' }, origin);
  const first = encodeMessage(OrderPaid, paid, origin);
  const read = ({ key, value, headers }: Message) =>
    decodeOneOf([OrderPaid, OrderPaidV2], { key: Buffer.from(key), value: Buffer.from(value), headers });
  const typed = (type: string): Message => ({ ...first, headers: { ...first.headers, ce_type: type } });

  it('gives each message to the version that it names, and the event tells which', () => {
    expect([second, first].map(read)).toEqual([
      {
        ok: true,
        event: {
          type: 'order.paid',
          version: 2,
          id: 'order-paid/4711',
          data: { ...paid, paidIn: 'EUR' },
          traceparent: null,
        },
      },
      {
        ok: true,
        event: { type: 'order.paid', version: 1, id: 'order-paid/4711', data: paid, traceparent: null },
      },
    ]);
  });

  it('has events whose data are those of their version, to the compiler as well', () => {
    const currencyOf = (event: Paid): string => (event.version === 2 ? event.data.paidIn : 'unknown');
    const told = [second, first].map(read).map((decoded) => (decoded.ok ? currencyOf(decoded.event) : null));
    expect(told).toEqual(['EUR', 'unknown']);
  });

  it('refuses a version that is neither, another type, and data that are not of the version they name', () => {
    expect(read(typed('order.paid.v3'))).toEqual({
      ok: false,
      reason: 'UNKNOWN_VERSION',
      error: 'ce_type order.paid.v3, expected order.paid.v1 or order.paid.v2',
    });
    expect(read(typed('order.cancelled.v2'))).toMatchObject({ reason: 'UNKNOWN_TYPE' });
    expect(read(typed('order.paid.v2'))).toMatchObject({ reason: 'SCHEMA' });
  });
});

describe('a message is refused as', () => {
  it.each([
    ['a null value', null],
    ['no bytes', ''],
    ['broken JSON', '{bad'],
    ['a BOM', '\ufeff{}'],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xc3, 0x28, 0x22])],
  ])('UNPARSEABLE: %s', (_, value) => {
    expect(refusal(received({ value: value === null ? null : Buffer.from(value) }))).toBe('UNPARSEABLE');
  });

  it.each(['[]', '"text"', '7', 'null', '{}', '['.repeat(50_000) + ']'.repeat(50_000)])(
    'SCHEMA: %.20s',
    (value) => {
      expect(refusal(received({ value: Buffer.from(value) }))).toBe('SCHEMA');
    },
  );

  it.each([
    { orderId: 0 },
    { orderId: '4711' },
    { orderId: 1.5 },
    { orderId: 2 ** 53 },
    { userId: null },
    { items: [] },
    { totalAmount: null },
    { totalAmount: 25 },
    { totalAmount: '25' },
    { totalAmount: '-1.00' },
    { totalAmount: '1e3' },
    { totalAmount: '1.005' },
    { paidAt: '2026-11-22' },
    { paidAt: '2026-02-30T10:00:00.000Z' },
    { paidAt: '2026-11-22T10:00:00.000+09:00' },
  ])('SCHEMA: %j', (change) => {
    expect(refusal(withData(change))).toBe('SCHEMA');
  });

  it.each([
    undefined,
    '',
    'order.cancelled.v1',
    'order.paid',
    'order.paid.vX',
    'order.paid.v1 ',
    Buffer.from([0xff]),
  ])('UNKNOWN_TYPE: %p', (type) => {
    expect(refusal(received({ headers: { ...received().headers, ce_type: type } }))).toBe('UNKNOWN_TYPE');
  });

  it.each(['order.paid.v0', 'order.paid.v2', 'order.paid.v99'])('UNKNOWN_VERSION: %s', (type) => {
    expect(refusal(received({ headers: { ...received().headers, ce_type: type } }))).toBe('UNKNOWN_VERSION');
  });

  it.each([null, '', '4712', '04711'])('KEY_MISMATCH: %j', (key) => {
    expect(refusal(received({ key: key === null ? null : Buffer.from(key) }))).toBe('KEY_MISMATCH');
  });

  it('any of these, never an exception, with an error that a text column can hold', () => {
    const bytes = fc.option(fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)));
    const type = fc.oneof(
      fc.constantFrom('order.paid.v1', 'order.paid.v1\0', 'x'.repeat(1_000)),
      fc.string({ unit: 'binary' }),
    );
    const json = fc.json().map((text) => Buffer.from(text));
    fc.assert(
      fc.property(
        fc.constantFrom(...EVENTS),
        type,
        bytes,
        fc.oneof(bytes, json),
        (contract, ceType, key, value) => {
          const decoded = decodeMessage(contract, { key, value, headers: { ce_type: Buffer.from(ceType) } });
          expect(decoded).toMatchObject({ ok: false });
          if (!decoded.ok) {
            expect(decoded.error).not.toMatch(/\0/);
            expect(decoded.error.length).toBeLessThanOrEqual(500);
          }
        },
      ),
    );
  });
});
