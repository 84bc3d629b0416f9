import { amounts, type Tx } from '@orderflow/messaging/postgres';
import { parseAmount, type AmountMinor } from '@orderflow/shared-events/money';
import { holding, type IssueRequest, type IssueState, type Source } from '../domain/issue.ts';
import type { Reader } from './reader.ts';

/** A coupon as its owner sees it. */
export interface OwnCoupon {
  readonly id: number;
  readonly couponSourceId: number;
  readonly name: string;
  readonly discountAmount: AmountMinor;
  /** Null: unused. */
  readonly usedAt: Date | null;
  readonly createdAt: Date;
}

export type CouponStatus = 'UNUSED' | 'USED';

/** A user's coupons, newest first, `limit` + 1 of them. */
export async function findCoupons(
  reader: Reader,
  query: {
    readonly userId: number;
    readonly status?: CouponStatus | undefined;
    readonly limit: number;
    readonly cursor?: number | undefined;
  },
): Promise<OwnCoupon[]> {
  const rows = await reader.coupon.findMany({
    where: {
      userId: query.userId,
      ...(query.cursor !== undefined && { id: { lt: query.cursor } }),
      ...(query.status !== undefined && { usedAt: query.status === 'USED' ? { not: null } : null }),
    },
    orderBy: { id: 'desc' },
    take: query.limit + 1,
  });
  return rows.map(({ id, couponSourceId, name, discountAmount, usedAt, createdAt }) => ({
    id: Number(id),
    couponSourceId: Number(couponSourceId),
    name,
    discountAmount: parseAmount(discountAmount.toFixed(2)),
    usedAt,
    createdAt,
  }));
}

/**
 * Reads what `lockSources` reads, without a lock. One statement, so one snapshot: a source that is seen empty stays so,
 * and all its coupons are seen with it.
 */
export async function readSources(tx: Tx, requests: readonly IssueRequest[]): Promise<IssueState> {
  const { rows } = await tx.query<IssueRequest & Source & { left: number; couponId: number | null }>(
    `SELECT s.id AS "sourceId", s.name, s.discount_amount AS "discountAmount", s.quantity AS "left",
            r.user_id AS "userId", c.id AS "couponId"
       FROM unnest($1::bigint[], $2::bigint[]) r (user_id, source_id)
       JOIN coupon_sources s ON s.id = r.source_id
       LEFT JOIN coupons c ON c.user_id = r.user_id AND c.coupon_source_id = r.source_id`,
    [requests.map(({ userId }) => userId), requests.map(({ sourceId }) => sourceId)],
  );
  const held = rows.filter(({ couponId }) => couponId !== null);
  return {
    sources: new Map(
      rows.map(({ sourceId, name, discountAmount, left }) => [sourceId, { name, discountAmount, left }]),
    ),
    held: new Map(held.map((row) => [holding(row), row.couponId])),
  };
}

/**
 * Locks the sources, then reads who holds a coupon of theirs: as every issue locks its source first, the answer holds
 * until the commit.
 */
export async function lockSources(tx: Tx, requests: readonly IssueRequest[]): Promise<IssueState> {
  const sources = await tx.query<Source & { id: number; left: number }>(
    `SELECT id, name, discount_amount AS "discountAmount", quantity AS "left"
       FROM coupon_sources WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE`,
    [requests.map(({ sourceId }) => sourceId)],
  );
  const held = await tx.query<IssueRequest & { id: number }>(
    `SELECT c.id, c.user_id AS "userId", c.coupon_source_id AS "sourceId"
       FROM coupons c JOIN unnest($1::bigint[], $2::bigint[]) r (user_id, source_id)
         ON c.user_id = r.user_id AND c.coupon_source_id = r.source_id`,
    [requests.map(({ userId }) => userId), requests.map(({ sourceId }) => sourceId)],
  );
  return {
    sources: new Map(
      sources.rows.map(({ id, name, discountAmount, left }) => [id, { name, discountAmount, left }]),
    ),
    held: new Map(held.rows.map((coupon) => [holding(coupon), coupon.id])),
  };
}

/**
 * Takes the coupons off their sources and inserts them.
 * @returns the coupons, by `holding` of their request
 */
export async function insertCoupons(
  tx: Tx,
  issued: readonly (IssueRequest & { readonly source: Source })[],
): Promise<Map<string, OwnCoupon>> {
  const counts = new Map<number, number>();
  for (const { sourceId } of issued) counts.set(sourceId, (counts.get(sourceId) ?? 0) + 1);
  await tx.query(
    `UPDATE coupon_sources s SET quantity = s.quantity - i.count, updated_at = now()
       FROM unnest($1::bigint[], $2::int[]) i (source_id, count) WHERE s.id = i.source_id`,
    [[...counts.keys()], [...counts.values()]],
  );
  const { rows } = await tx.query<OwnCoupon & { userId: number }>(
    `INSERT INTO coupons (user_id, coupon_source_id, name, discount_amount)
     SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::numeric[])
     RETURNING id, user_id AS "userId", coupon_source_id AS "couponSourceId", name,
               discount_amount AS "discountAmount", used_at AS "usedAt", created_at AS "createdAt"`,
    [
      issued.map(({ userId }) => userId),
      issued.map(({ sourceId }) => sourceId),
      issued.map(({ source }) => source.name),
      amounts(issued.map(({ source }) => source.discountAmount)),
    ],
  );
  return new Map(rows.map((row) => [holding({ userId: row.userId, sourceId: row.couponSourceId }), row]));
}
