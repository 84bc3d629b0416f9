import { z } from 'zod';
import { pathId } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import { findProduct } from '../store/products.ts';
import type { Reader } from '../store/reader.ts';
import { productNotFound, productShape, showProduct } from './product-shape.ts';

export const readProduct = (reader: Reader) =>
  defineRoute({
    method: 'GET',
    path: '/v1/products/{id}',
    caller: 'anyone',
    operationId: 'getProduct',
    summary: 'Shows a product with its stock, on sale or not',
    params: z.strictObject({ id: pathId }),
    answers: { 200: productShape },
    problems: ['PRODUCT_NOT_FOUND'],
    async handle({ params: { id } }) {
      const product = await findProduct(reader, id);
      if (!product) throw productNotFound(id);
      return { status: 200, body: showProduct(product) };
    },
  });
