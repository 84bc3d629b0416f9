import { z } from 'zod';
import { commitWithOutbox, type WriteContext } from '@orderflow/messaging/outbox';
import type { Cache } from '@orderflow/service-runtime/cache';
import { amountIn, name, pathId, textOf } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import { changeProduct } from '../store/products.ts';
import { DESCRIPTION_MAX, productNotFound, productShape, showProduct } from './product-shape.ts';

/** Changes a product's name, description, price or status. Stock changes by adjustments alone, which have a ledger. */
export const updateProduct = (write: WriteContext, cache: Cache) =>
  defineRoute({
    method: 'PATCH',
    path: '/v1/products/{id}',
    caller: 'admin',
    operationId: 'updateProduct',
    summary: 'Changes a product, or takes it off sale',
    params: z.strictObject({ id: pathId }),
    body: z
      .strictObject({
        name: name(100).optional(),
        description: textOf(DESCRIPTION_MAX, 0).optional(),
        price: amountIn().optional(),
        status: productShape.shape.status.optional(),
      })
      .refine((body) => Object.keys(body).length > 0, 'names nothing to change')
      .meta({ minProperties: 1, sentExample: { price: '11.90' } }),
    answers: { 200: productShape },
    problems: ['PRODUCT_NOT_FOUND'],
    async handle({ params: { id }, body }) {
      const product = await commitWithOutbox(write, async (tx) => ({
        result: await changeProduct(tx, id, body),
        messages: [],
      }));
      if (!product) throw productNotFound(id);
      await cache.invalidate();
      return { status: 200, body: showProduct(product) };
    },
  });
