import { z } from 'zod';
import { amountOut, jsonId } from '@orderflow/service-runtime/fields';
import { formatAmount } from '@orderflow/shared-events/money';
import type { CouponSource } from '../store/sources.ts';

export const sourceShape = z
  .strictObject({
    id: jsonId,
    name: z.string(),
    discountAmount: amountOut,
    quantity: z.int().min(0).describe('what is left'),
    initialQuantity: z.int().min(0),
  })
  .meta({
    id: 'CouponSource',
    examples: [{ id: 1, name: 'Welcome', discountAmount: '3.00', quantity: 99, initialQuantity: 100 }],
  });

export function showSource(source: CouponSource): z.input<typeof sourceShape> {
  return { ...source, discountAmount: formatAmount(source.discountAmount) };
}
