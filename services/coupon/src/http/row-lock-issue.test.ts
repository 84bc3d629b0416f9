import { z } from 'zod';
import { transaction, type ConnectionPool, type Tx } from '@orderflow/messaging/postgres';
import { pathId } from '@orderflow/service-runtime/fields';
import { problem } from '@orderflow/service-runtime/problem';
import { defineRoute } from '@orderflow/service-runtime/route';
import type { OwnCoupon } from '../store/coupons.ts';
import { couponShape, showCoupon } from './coupon-shape.ts';

/**
 * What the race is measured against: the same route as it is usually written, exact as well. A transaction of its own
 * for each request, which queues for the row of its source.
 */
export const issueByRowLock = (pool: ConnectionPool) =>
  defineRoute({
    method: 'POST',
    path: '/v1/coupon-sources/{id}/coupons',
    caller: 'user',
    summary: 'Takes a coupon under a row lock',
    params: z.strictObject({ id: pathId }),
    answers: { 201: couponShape },
    problems: ['COUPON_SOURCE_NOT_FOUND', 'SOLD_OUT', 'ALREADY_ISSUED'],
    async handle({ caller, params }) {
      const coupon = await transaction(pool, (tx) => take(tx, params.id, caller.userId));
      return { status: 201, body: showCoupon(coupon) };
    },
  });

async function take(tx: Tx, sourceId: number, userId: number): Promise<OwnCoupon> {
  const source = await tx.query<{ quantity: number }>(
    'SELECT quantity FROM coupon_sources WHERE id = $1 FOR UPDATE',
    [sourceId],
  );
  const [left] = source.rows;
  if (!left) throw problem('COUPON_SOURCE_NOT_FOUND', { detail: 'there is no such source' });
  const held = await tx.query<{ id: number }>(
    'SELECT id FROM coupons WHERE user_id = $1 AND coupon_source_id = $2',
    [userId, sourceId],
  );
  const [own] = held.rows;
  if (own) throw problem('ALREADY_ISSUED', { detail: 'one coupon a user', extensions: { couponId: own.id } });
  if (left.quantity === 0) throw problem('SOLD_OUT', { detail: 'nothing is left' });
  await tx.query('UPDATE coupon_sources SET quantity = quantity - 1, updated_at = now() WHERE id = $1', [
    sourceId,
  ]);
  const issued = await tx.query<OwnCoupon>(
    `INSERT INTO coupons (user_id, coupon_source_id, name, discount_amount)
     SELECT $1, id, name, discount_amount FROM coupon_sources WHERE id = $2
     RETURNING id, coupon_source_id AS "couponSourceId", name, discount_amount AS "discountAmount",
               used_at AS "usedAt", created_at AS "createdAt"`,
    [userId, sourceId],
  );
  return issued.rows[0] as OwnCoupon;
}
