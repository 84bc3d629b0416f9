import { z } from 'zod';
import type { Cache } from '@orderflow/service-runtime/cache';
import { listQuery, pageFrom, pageOf } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import { listProductsOnSale } from '../store/products.ts';
import type { Reader } from '../store/reader.ts';
import { productShape, showProduct } from './product-shape.ts';

const productPage = pageOf(productShape);

/** From the cache: what admins change shows at once, what orders take from stock within seconds. */
export const listProducts = (reader: Reader, cache: Cache) =>
  defineRoute({
    method: 'GET',
    path: '/v1/products',
    caller: 'anyone',
    operationId: 'listProducts',
    summary: 'Lists the products on sale with their stock, by id',
    description: 'The stock may be 5 seconds old; that of a single product is as it is.',
    query: z.strictObject(listQuery),
    answers: { 200: productPage },
    problems: [],
    async handle({ query }) {
      const body = await cache.read(`list:${query.limit}:${query.cursor ?? 0}`, productPage, async () => {
        const products = await listProductsOnSale(reader, query);
        return pageFrom(products, query.limit, ({ id }) => id, showProduct);
      });
      return { status: 200, body };
    },
  });
