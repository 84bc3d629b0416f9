import type pg from 'pg';
import { pathId } from '@orderflow/service-runtime/fields';
import { formatAmount, type AmountMinor } from '@orderflow/shared-events/money';
import { transaction, type Queries } from '../database.ts';
import { HttpRefusal, type Answer, type Route } from '../front.ts';

/** POST /v1/coupon-sources/{id}/coupons with the answers of Orderflow's coupon service. */
export function issueRoute(pool: pg.Pool): Route {
  return {
    path: '/v1/coupon-sources/:id/coupons',
    answer: (request, { userId }) => {
      const sourceId = pathId.parse(request.params['id']);
      return transaction(pool, (client) => issue(client, sourceId, userId));
    },
  };
}

interface Source {
  readonly quantity: number;
  readonly name: string;
  readonly discountAmount: AmountMinor;
}

/**
 * A transaction of its own for each request, which queues for the row of its source: exact and first come, first served,
 * as it is usually written. Six round trips.
 */
async function issue(client: Queries, sourceId: number, userId: number): Promise<Answer> {
  const source = await lockSource(client, sourceId);
  if (!source) throw new HttpRefusal(404, 'COUPON_SOURCE_NOT_FOUND');
  const held = await client.query<{ id: number }>({
    name: 'held-coupon',
    text: 'SELECT id FROM coupons WHERE user_id = $1 AND coupon_source_id = $2',
    values: [userId, sourceId],
  });
  const [own] = held.rows;
  if (own) throw new HttpRefusal(409, 'ALREADY_ISSUED', { couponId: own.id });
  if (source.quantity === 0) throw new HttpRefusal(409, 'SOLD_OUT');
  const coupon = await insertCoupon(client, sourceId, userId, source);
  await client.query({
    name: 'take-one',
    text: 'UPDATE coupon_sources SET quantity = quantity - 1, updated_at = now() WHERE id = $1',
    values: [sourceId],
  });
  const json = {
    id: coupon.id,
    couponSourceId: sourceId,
    name: source.name,
    discountAmount: formatAmount(source.discountAmount),
    status: 'UNUSED',
    usedAt: null,
    createdAt: coupon.createdAt.toISOString(),
  };
  return { status: 201, json: JSON.stringify(json) };
}

async function lockSource(client: Queries, sourceId: number): Promise<Source | undefined> {
  const { rows } = await client.query<Source>({
    name: 'lock-source',
    text: `SELECT quantity, name, discount_amount AS "discountAmount"
           FROM coupon_sources WHERE id = $1 FOR UPDATE`,
    values: [sourceId],
  });
  return rows[0];
}

async function insertCoupon(
  client: Queries,
  sourceId: number,
  userId: number,
  source: Source,
): Promise<{ id: number; createdAt: Date }> {
  const { rows } = await client.query<{ id: number; createdAt: Date }>({
    name: 'insert-coupon',
    text: `INSERT INTO coupons (user_id, coupon_source_id, name, discount_amount) VALUES ($1, $2, $3, $4)
           RETURNING id, created_at AS "createdAt"`,
    values: [userId, sourceId, source.name, formatAmount(source.discountAmount)],
  });
  return (rows as [{ id: number; createdAt: Date }])[0];
}
