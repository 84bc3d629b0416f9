import { formatAmount } from '@orderflow/shared-events/money';
import { amountOut, jsonId, timeOut, writeTime } from '@orderflow/service-runtime/fields';
import { problem } from '@orderflow/service-runtime/problem';
import { z } from 'zod';
import type { Product } from '../domain/product.ts';

/** The column has no limit; a body of 32 KB has. */
export const DESCRIPTION_MAX = 10_000;

/** A product in every answer that shows one. */
export const productShape = z
  .strictObject({
    id: jsonId,
    name: z.string(),
    description: z.string(),
    price: amountOut,
    status: z.enum(['ON_SALE', 'SUSPENDED']),
    stock: z.int().min(0),
    createdAt: timeOut,
    updatedAt: timeOut,
  })
  .meta({
    id: 'Product',
    examples: [
      {
        id: 1,
        name: 'Tea',
        description: 'Green, 100 g',
        price: '12.50',
        status: 'ON_SALE',
        stock: 10,
        createdAt: '2026-11-22T10:00:00.250Z',
        updatedAt: '2026-11-22T10:00:00.250Z',
      },
    ],
  });

export function showProduct(product: Product): z.input<typeof productShape> {
  const { id, name, description, price, status, stock, createdAt, updatedAt } = product;
  return {
    id,
    name,
    description,
    price: formatAmount(price),
    status,
    stock,
    createdAt: writeTime(createdAt),
    updatedAt: writeTime(updatedAt),
  };
}

export function productNotFound(id: number): Error {
  return problem('PRODUCT_NOT_FOUND', { detail: `there is no product ${id}` });
}
