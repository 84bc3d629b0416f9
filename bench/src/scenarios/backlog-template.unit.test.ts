import { describe, expect, it } from '@jest/globals';
import { encodeData } from '@orderflow/shared-events/contract';
import { OrderCreated } from '@orderflow/shared-events/order';
import { snapshotSql } from './backlog-template.ts';

describe('the backlog', () => {
  it.each([
    ['one line', [7]],
    ['three lines, the last of which begins with the first product again', [999, 1_000, 1]],
  ])('holds the first event of an order of %s byte for byte as the product writes it', (_, productIds) => {
    const first = (productIds[0] ?? 0) - 1;
    const valueOf = (part: string): string => {
      const line = /^\(\(p \+ (\d+)\) % 1000 \+ 1\)$/.exec(part)?.[1];
      if (line !== undefined) return String(((first + Number(line)) % 1_000) + 1);
      if (part === 'i') return '4711';
      return part === 'u' ? '42' : part.replaceAll("'", '');
    };
    const written = snapshotSql(productIds.length, 1_000).split(' || ').map(valueOf).join('');
    const line = { quantity: 1, expectedUnitPrice: null, unitPrice: null, totalPrice: null };
    const items = productIds.map((productId) => ({ productId, ...line }));
    const amounts = { originalAmount: null, discountAmount: null, totalAmount: null };
    expect(written).toBe(
      encodeData(OrderCreated, { orderId: 4_711, userId: 42, couponId: null, items, ...amounts }),
    );
  });
});
