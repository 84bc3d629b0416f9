import { formatAmount, parseAmount, type AmountMinor } from '@orderflow/shared-events/money';
import type { CouponSourceModel } from '../generated/prisma/models.ts';
import type { Reader } from './reader.ts';

/** A source of coupons, first come, first served. */
export interface CouponSource {
  readonly id: number;
  readonly name: string;
  readonly discountAmount: AmountMinor;
  /** What is left. */
  readonly quantity: number;
  readonly initialQuantity: number;
}

export async function insertSource(
  reader: Reader,
  source: { readonly name: string; readonly discountAmount: AmountMinor; readonly quantity: number },
): Promise<CouponSource> {
  const { name, quantity } = source;
  const discountAmount = formatAmount(source.discountAmount);
  return sourceFrom(
    await reader.couponSource.create({ data: { name, discountAmount, quantity, initialQuantity: quantity } }),
  );
}

/** Sources by id, `limit` + 1 of them, so that the caller sees whether there are more. */
export async function findSources(
  reader: Reader,
  page: { readonly limit: number; readonly cursor?: number | undefined },
): Promise<CouponSource[]> {
  const rows = await reader.couponSource.findMany({
    where: { id: { gt: page.cursor ?? 0 } },
    orderBy: { id: 'asc' },
    take: page.limit + 1,
  });
  return rows.map(sourceFrom);
}

function sourceFrom({
  id,
  name,
  discountAmount,
  quantity,
  initialQuantity,
}: CouponSourceModel): CouponSource {
  return {
    id: Number(id),
    name,
    discountAmount: parseAmount(discountAmount.toFixed(2)),
    quantity,
    initialQuantity,
  };
}
