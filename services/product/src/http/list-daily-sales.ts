import { z } from 'zod';
import { day, listQueryBy, pageFrom, pageOf, pathId } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import { findProduct } from '../store/products.ts';
import type { Reader } from '../store/reader.ts';
import { listDailySales } from '../store/sales-figures.ts';
import { productNotFound } from './product-shape.ts';

/** Postgres has no year 0. */
const salesDay = day.regex(/^(?!0000)/, 'must lie in the years 1 to 9999');

export const listProductDailySales = (reader: Reader) =>
  defineRoute({
    method: 'GET',
    path: '/v1/products/{id}/daily-sales',
    caller: 'operator',
    operationId: 'listDailySales',
    summary: 'Lists what a product sold day by day, oldest first',
    description:
      'Days are those of the sales time zone; `from` and `to` are included. A day on which nobody bought has no row, ' +
      'one whose orders were all refunded says 0.',
    params: z.strictObject({ id: pathId }),
    query: z
      .strictObject({ ...listQueryBy(salesDay), from: salesDay.optional(), to: salesDay.optional() })
      .refine(({ from, to }) => from === undefined || to === undefined || from <= to, {
        path: ['to'],
        error: 'must not be before from',
      }),
    answers: {
      200: pageOf(z.strictObject({ date: day, quantity: z.int().min(0) }).meta({ id: 'DailySales' })),
    },
    problems: ['PRODUCT_NOT_FOUND'],
    async handle({ params: { id }, query: { from, to, cursor, limit } }) {
      const sales = await listDailySales(reader, { productId: id, from, to, after: cursor, limit });
      if (sales.length === 0 && !(await findProduct(reader, id))) throw productNotFound(id);
      return {
        status: 200,
        body: pageFrom(
          sales,
          limit,
          ({ date }) => date,
          (sale) => sale,
        ),
      };
    },
  });
