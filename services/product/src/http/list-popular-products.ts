import { z } from 'zod';
import type { Cache } from '@orderflow/service-runtime/cache';
import { amountOut, jsonId, page, pageOf } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import { formatAmount } from '@orderflow/shared-events/money';
import { firstDayOf, salesDayIn } from '../domain/sales.ts';
import type { Reader } from '../store/reader.ts';
import { listBestSellers } from '../store/sales-figures.ts';

/** A season. Anyone may ask, and each day more is a day more to add up. */
const DAYS_MAX = 90;
const LIMIT_MAX = 100;

const popularPage = pageOf(
  z
    .strictObject({
      rank: z.int().min(1).max(LIMIT_MAX),
      productId: jsonId,
      name: z.string(),
      price: amountOut,
      quantity: z.int().min(1),
    })
    .meta({ id: 'PopularProduct' }),
);

export const listPopularProducts = (
  reader: Reader,
  options: {
    readonly cache: Cache;
    /** Whose calendar days daily sales are counted in (SALES_TIME_ZONE). */
    readonly timeZone: string;
    readonly now?: () => Date;
  },
) => {
  const { cache, timeZone, now = () => new Date() } = options;
  const dayOf = salesDayIn(timeZone);

  /** One entry for all limits: a client that tries them all costs one query. */
  function bestSellers(today: string, days: number) {
    return cache.read(`popular:${today}:${days}`, popularPage, async () => {
      const sellers = await listBestSellers(reader, {
        from: firstDayOf(today, days),
        to: today,
        limit: LIMIT_MAX,
      });
      // In the order of the shape, as what comes out of the cache is: an answer is the same text either way.
      const ranked = sellers.map(({ productId, name, price, quantity }, index) => ({
        rank: index + 1,
        productId,
        name,
        price: formatAmount(price),
        quantity,
      }));
      return page(ranked, null);
    });
  }

  return defineRoute({
    method: 'GET',
    path: '/v1/products/popular',
    caller: 'anyone',
    operationId: 'listPopularProducts',
    summary: 'Ranks the products on sale by what they sold over the last days, today included',
    description:
      'Days are those of the sales time zone. Equal quantities rank by the lower id. Suspended products and products ' +
      'that sold nothing are left out. The ranking may be 5 seconds old.',
    query: z.strictObject({ days: wholeNumber(DAYS_MAX, 3), limit: wholeNumber(LIMIT_MAX, 5) }),
    answers: { 200: popularPage },
    problems: [],
    async handle({ query: { days, limit } }) {
      const { data } = await bestSellers(dayOf(now().toISOString()), days);
      return { status: 200, body: page(data.slice(0, limit), null) };
    },
  });
};

/** A number in a query, from 1 to `max`. */
function wholeNumber(max: number, preset: number) {
  return z
    .string()
    .regex(/^[1-9]\d{0,2}$/, `must be a whole number from 1 to ${max}`)
    .transform(Number)
    .refine((value) => value <= max, `must be a whole number from 1 to ${max}`)
    .prefault(String(preset))
    .meta({ shownAs: { type: 'integer', minimum: 1, maximum: max, default: preset } });
}
