import { z } from 'zod';
import { commitWithOutbox, type WriteContext } from '@orderflow/messaging/outbox';
import type { Cache } from '@orderflow/service-runtime/cache';
import { amountIn, name, textOf } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import { STOCK_MAX } from '../domain/product.ts';
import { insertProduct } from '../store/products.ts';
import { DESCRIPTION_MAX, productShape, showProduct } from './product-shape.ts';

export const createProduct = (write: WriteContext, cache: Cache) =>
  defineRoute({
    method: 'POST',
    path: '/v1/products',
    caller: 'admin',
    operationId: 'createProduct',
    summary: 'Puts a product on sale',
    body: z
      .strictObject({
        name: name(100),
        description: textOf(DESCRIPTION_MAX, 0),
        price: amountIn(),
        quantity: z.int().min(0).max(STOCK_MAX),
      })
      .meta({ sentExample: { name: 'Tea', description: 'Green, 100 g', price: '12.50', quantity: 10 } }),
    answers: { 201: productShape },
    answerHeaders: ['Location'],
    problems: [],
    async handle({ body: { quantity, ...product } }) {
      const created = await commitWithOutbox(write, async (tx) => ({
        result: await insertProduct(tx, { ...product, stock: quantity }),
        messages: [],
      }));
      await cache.invalidate();
      return { status: 201, body: showProduct(created), headers: { Location: `/v1/products/${created.id}` } };
    },
  });
