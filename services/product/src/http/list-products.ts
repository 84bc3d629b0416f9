import { z } from 'zod';
import { listQuery, pageFrom, pageOf } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import { listProductsOnSale } from '../store/products.ts';
import type { Reader } from '../store/reader.ts';
import { productShape, showProduct } from './product-shape.ts';

export const listProducts = (reader: Reader) =>
  defineRoute({
    method: 'GET',
    path: '/v1/products',
    caller: 'anyone',
    summary: 'Lists the products on sale with their stock, by id',
    query: z.strictObject(listQuery),
    answers: { 200: pageOf(productShape) },
    problems: [],
    async handle({ query }) {
      const products = await listProductsOnSale(reader, query);
      return { status: 200, body: pageFrom(products, query.limit, ({ id }) => id, showProduct) };
    },
  });
