import { describe, expect, it } from '@jest/globals';
import { EVENTS, STEP_TOPICS, TOPICS, topicsOf } from './catalog.ts';
import { wireType } from './contract.ts';
import { StockReserved } from './product.ts';

/*
 * These names are read outside this repository and kept in brokers and databases. Renaming
 * - a topic loses what its old name still holds, and consumers elsewhere wait on the old one for ever;
 * - a type makes every message of it a dead letter (UNKNOWN_TYPE) for consumers that are not deployed yet;
 * - a step starts a new consumer group, which replays 14 days of events, and silences the alarms on the old name.
 * A change here is a migration: write it down before changing the list.
 */
describe('the catalog', () => {
  it('names its topics, types and publishers as consumers know them', () => {
    expect(TOPICS.map(({ name, publisher, event }) => `${name} ${wireType(event)} ${publisher}`)).toEqual([
      'order-created order.created.v1 order',
      'stock-reserved stock.reserved.v1 product',
      'stock-rejected stock.rejected.v1 product',
      'coupon-applied coupon.applied.v1 coupon',
      'coupon-rejected coupon.rejected.v1 coupon',
      'balance-charged balance.charged.v1 user-balance',
      'balance-rejected balance.rejected.v1 user-balance',
      'payment-completed payment.completed.v1 payment',
      'payment-rejected payment.rejected.v1 payment',
      'order-paid order.paid.v1 order',
      'order-cancelling order.cancelling.v1 order',
      'stock-released stock.released.v1 product',
      'coupon-restored coupon.restored.v1 coupon',
      'balance-refunded balance.refunded.v1 user-balance',
      'payment-refunded payment.refunded.v1 payment',
      'order-cancelled order.cancelled.v1 order',
    ]);
  });

  it('names its steps, and what each reads, as the brokers know their groups', () => {
    expect(Object.entries(STEP_TOPICS).map(([step, topics]) => `${step}: ${topics.join(' ')}`)).toEqual([
      'product.reserve: order-created',
      'product.release: order-cancelling',
      'product.count-sales: order-paid order-cancelled',
      'coupon.apply: stock-reserved',
      'coupon.restore: order-cancelling',
      'user-balance.charge: coupon-applied',
      'user-balance.refund: order-cancelling',
      'payment.pay: balance-charged',
      'payment.refund: order-cancelling',
      'order.advance: stock-reserved stock-rejected coupon-applied coupon-rejected balance-charged ' +
        'balance-rejected payment-completed payment-rejected stock-released coupon-restored balance-refunded ' +
        'payment-refunded',
    ]);
  });

  it('keeps an order in one partition of six, for 14 days', () => {
    for (const topic of TOPICS) {
      expect(topic).toMatchObject({ key: 'orderId', partitions: 6, retentionMs: 1_209_600_000 });
    }
  });

  it('leaves no event without a reader, and opens those that end a saga to anyone', () => {
    expect(TOPICS.filter(({ consumers, open }) => consumers.length === 0 && !open)).toEqual([]);
    expect(TOPICS.filter(({ open }) => open).map(({ name }) => name)).toEqual([
      'order-paid',
      'order-cancelled',
    ]);
  });

  it('has one event a topic, and one topic an event', () => {
    expect(new Set(EVENTS.map(({ topic, type }) => `${topic} ${type}`)).size).toBe(TOPICS.length);
    expect(new Set(EVENTS.map(({ type }) => type)).size).toBe(TOPICS.length);
    expect(new Set(EVENTS.map(wireType)).size).toBe(EVENTS.length);
  });

  it('keeps a new version in the topic of the one before, in whatever order they are listed', () => {
    const topics = topicsOf([{ ...StockReserved, version: 2 }, ...EVENTS]);
    const told = topics.map(({ name, event, versions }) => [
      name,
      wireType(event),
      ...versions.map(wireType),
    ]);
    const before = TOPICS.map(({ name, event }) => [name, wireType(event), wireType(event)]);
    const changed = before.map((topic) =>
      topic[0] === 'stock-reserved'
        ? ['stock-reserved', 'stock.reserved.v2', 'stock.reserved.v1', 'stock.reserved.v2']
        : topic,
    );
    expect(told.sort()).toEqual(changed.sort());
  });

  it('reads only topics that it has', () => {
    const names = new Set(TOPICS.map(({ name }) => name));
    expect(
      Object.values(STEP_TOPICS).flatMap((topics) => topics.filter((topic) => !names.has(topic))),
    ).toEqual([]);
  });
});
