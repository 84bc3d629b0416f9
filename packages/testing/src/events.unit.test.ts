import { describe, expect, it } from '@jest/globals';
import { EVENTS } from '@orderflow/shared-events/catalog';
import { decodeMessage } from '@orderflow/shared-events/envelope';
import * as builders from './events.ts';

const BUILT = EVENTS.map((contract) => {
  const name = contract.type.replace(/\.(.)/, (_, first: string) => first.toUpperCase());
  return { contract, build: (builders as unknown as Record<string, typeof builders.orderCreated>)[name] };
});

describe('event builders', () => {
  it.each(BUILT)('build a $contract.type that its own contract reads back', ({ contract, build }) => {
    const event = build!({ orderId: 7, couponId: 3 });
    expect(decodeMessage(contract, builders.toDelivery(event, { partition: 1, offset: 4 }))).toEqual({
      ok: true,
      event,
    });
  });

  it('place a batch in partitions by order, at offsets in its order', () => {
    const batch = builders.toDeliveries([
      builders.orderCreated({ orderId: 7 }),
      builders.orderCreated({ orderId: 8 }),
    ]);
    expect(batch.map(({ partition, offset }) => [partition, offset])).toEqual([
      [1, '0'],
      [2, '1'],
    ]);
  });
});
