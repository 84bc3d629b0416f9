import { parseAmount, type AmountMinor } from '@orderflow/shared-events/money';
import type { Reader } from './reader.ts';

/** What a product sold on one day. */
export interface DailySale {
  /** "2026-03-01". */
  readonly date: string;
  readonly quantity: number;
}

/** What a product on sale sold over some days, with its price as it is now. */
export interface BestSeller {
  readonly productId: number;
  readonly name: string;
  readonly price: AmountMinor;
  readonly quantity: number;
}

/** Days with sales of a product, oldest first, `limit` + 1 of them, so that the caller sees whether there are more. */
export async function listDailySales(
  reader: Reader,
  {
    productId,
    from,
    to,
    after,
    limit,
  }: {
    readonly productId: number;
    /** Inclusive, as is `to`. */
    readonly from?: string | undefined;
    readonly to?: string | undefined;
    readonly after?: string | undefined;
    readonly limit: number;
  },
): Promise<DailySale[]> {
  const rows = await reader.productDailySales.findMany({
    where: {
      productId,
      date: {
        ...(from === undefined ? {} : { gte: startOf(from) }),
        ...(to === undefined ? {} : { lte: startOf(to) }),
        ...(after === undefined ? {} : { gt: startOf(after) }),
      },
    },
    orderBy: { date: 'asc' },
    take: limit + 1,
  });
  return rows.map(({ date, quantity }) => ({
    date: date.toISOString().slice(0, 10),
    quantity: Number(quantity),
  }));
}

/** How Prisma takes a DATE. */
function startOf(day: string): Date {
  return new Date(`${day}T00:00:00Z`);
}

/**
 * The products ON_SALE that sold most from one day to another, both included; equal ones by the lower id. Sums come
 * first and products are joined to them, so that names are read once a product, not once a day.
 */
export async function listBestSellers(
  reader: Reader,
  { from, to, limit }: { readonly from: string; readonly to: string; readonly limit: number },
): Promise<BestSeller[]> {
  const rows = await reader.$queryRaw<{ productId: bigint; name: string; price: string; quantity: bigint }[]>`
    WITH sold AS (
      SELECT product_id, sum(quantity)::bigint AS quantity
        FROM product_daily_sales WHERE date BETWEEN ${from}::date AND ${to}::date
       GROUP BY product_id HAVING sum(quantity) > 0
    )
    SELECT p.id AS "productId", p.name, p.price::text AS price, sold.quantity
      FROM sold JOIN products p ON p.id = sold.product_id
     WHERE p.status = 'ON_SALE'
     ORDER BY sold.quantity DESC, p.id
     LIMIT ${limit}`;
  return rows.map(({ productId, name, price, quantity }) => ({
    productId: Number(productId),
    name,
    price: parseAmount(price),
    quantity: Number(quantity),
  }));
}
