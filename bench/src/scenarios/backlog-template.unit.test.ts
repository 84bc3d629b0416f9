import { describe, expect, it } from '@jest/globals';
import { encodeData } from '@orderflow/shared-events/contract';
import { OrderCreated } from '@orderflow/shared-events/order';
import { SNAPSHOT } from './backlog-template.ts';

describe('the backlog', () => {
  it('holds the first events byte for byte as the product writes them', () => {
    const values: Readonly<Record<string, number>> = { i: 4_711, u: 42, p: 7 };
    const parts = SNAPSHOT.split(' || ').map((part) => values[part] ?? part.replaceAll("'", ''));
    const items = [{ productId: 7, quantity: 1, expectedUnitPrice: null, unitPrice: null, totalPrice: null }];
    const amounts = { originalAmount: null, discountAmount: null, totalAmount: null };
    expect(parts.join('')).toBe(
      encodeData(OrderCreated, { orderId: 4_711, userId: 42, couponId: null, items, ...amounts }),
    );
  });
});
