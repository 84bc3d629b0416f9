import type { OrderStatus } from '../domain/order.ts';
import { Prisma, type PrismaClient } from '../generated/prisma/client.ts';

const withProducts = { products: { orderBy: { productId: 'asc' } } } as const satisfies Prisma.OrderInclude;

export type OrderRecord = Prisma.OrderGetPayload<{ include: typeof withProducts }>;
export type OrderEventRecord = Prisma.OrderEventGetPayload<{ omit: { snapshot: true } }>;

/** What of an order is shown. */
export type ShownOrder = Omit<
  OrderRecord,
  'cancellingAt' | 'compensate' | 'pending' | 'attempt' | 'products'
> & {
  readonly products: readonly Pick<
    OrderRecord['products'][number],
    'productId' | 'quantity' | 'unitPrice' | 'totalPrice'
  >[];
};

/** An order and the line of its timeline that brought its status, as one moment saw them. */
export type OrderMoment = ShownOrder & { readonly eventId: bigint };

interface ChangedRow extends Omit<OrderMoment, 'products'> {
  readonly products: readonly {
    readonly productId: string;
    readonly quantity: number;
    readonly unitPrice: string | null;
    readonly totalPrice: string | null;
  }[];
}

export interface OrderFilter {
  readonly userId: number;
  readonly status: OrderStatus | undefined;
  /** Created at or after, and before. */
  readonly from: Date | undefined;
  readonly to: Date | undefined;
  /** Orders with a lower id. */
  readonly before: number | undefined;
  readonly limit: number;
}

/** Plain reads, outside any transaction. */
export function createOrderReader(prisma: PrismaClient) {
  return {
    /** One order with its lines. */
    order: (id: number): Promise<OrderRecord | null> =>
      prisma.order.findUnique({ where: { id: BigInt(id) }, include: withProducts }),

    /** A user's orders, newest first; one more than `limit`, so that the caller sees whether there are more. */
    orders: ({ userId, status, from, to, before, limit }: OrderFilter): Promise<OrderRecord[]> =>
      prisma.order.findMany({
        where: {
          userId: BigInt(userId),
          ...(status === undefined ? {} : { status }),
          ...(before === undefined ? {} : { id: { lt: BigInt(before) } }),
          createdAt: {
            ...(from === undefined ? {} : { gte: from }),
            ...(to === undefined ? {} : { lt: to }),
          },
        },
        include: withProducts,
        orderBy: { id: 'desc' },
        take: limit + 1,
      }),

    changed: (known: ReadonlyMap<number, OrderStatus | null>) => readChanged(prisma, known),

    /** An order's timeline, oldest first, after the event `after`. */
    events: (orderId: number, after: number | undefined, limit: number): Promise<OrderEventRecord[]> =>
      prisma.orderEvent.findMany({
        where: { orderId: BigInt(orderId), ...(after === undefined ? {} : { id: { gt: BigInt(after) } }) },
        omit: { snapshot: true },
        orderBy: { id: 'asc' },
        take: limit + 1,
      }),

    /** Orders that have been CANCELLING for longer than `ms`, by the database's clock; oldest first (rule R7). */
    async stuck(
      ms: number,
      { after, limit }: { after: { cancellingAt: Date; id: number } | undefined; limit: number },
    ): Promise<OrderRecord[]> {
      const [clock] = await prisma.$queryRaw<{ now: Date }[]>`SELECT now() AS now`;
      const late = { lt: new Date((clock?.now.getTime() ?? 0) - ms) };
      return prisma.order.findMany({
        where: {
          cancellingAt: late,
          ...(after && {
            OR: [
              { cancellingAt: { gt: after.cancellingAt } },
              { cancellingAt: after.cancellingAt, id: { gt: BigInt(after.id) } },
            ],
          }),
        },
        include: withProducts,
        orderBy: [{ cancellingAt: 'asc' }, { id: 'asc' }],
        take: limit + 1,
      });
    },
  };
}

/**
 * Of these orders, those whose status is another than the known one; null: whatever it is. One statement for any
 * number of them, so that status and `eventId` belong together; one that has not changed costs its row's look-up.
 */
async function readChanged(
  prisma: PrismaClient,
  known: ReadonlyMap<number, OrderStatus | null>,
): Promise<OrderMoment[]> {
  const rows = await prisma.$queryRaw<ChangedRow[]>`
    SELECT o.id, o.user_id AS "userId", o.status, o.coupon_id AS "couponId", o.original_amount AS "originalAmount",
           o.discount_amount AS "discountAmount", o.total_amount AS "totalAmount",
           o.failure_reason AS "failureReason", o.paid_at AS "paidAt", o.created_at AS "createdAt",
           o.updated_at AS "updatedAt",
           (SELECT e.id FROM order_events e
             WHERE e.order_id = o.id AND e.attempt = 0
               AND e.type = CASE WHEN o.status IN ('CREATED', 'PAID', 'CANCELLING', 'CANCELLED')
                                 THEN 'ORDER_' || o.status ELSE o.status END) AS "eventId",
           (SELECT json_agg(json_build_object('productId', p.product_id::text, 'quantity', p.quantity,
                                              'unitPrice', p.unit_price::text, 'totalPrice', p.total_price::text)
                            ORDER BY p.product_id)
              FROM order_products p WHERE p.order_id = o.id) AS products
      FROM unnest(${[...known.keys()]}::bigint[], ${[...known.values()].map((status) => status ?? '')}::text[])
           k (id, status)
      JOIN orders o ON o.id = k.id AND o.status <> k.status`;
  return rows.map((row) => ({ ...row, products: row.products.map(withAmounts) }));
}

function withAmounts(line: ChangedRow['products'][number]): ShownOrder['products'][number] {
  const amount = (text: string | null) => (text === null ? null : new Prisma.Decimal(text));
  return {
    productId: BigInt(line.productId),
    quantity: line.quantity,
    unitPrice: amount(line.unitPrice),
    totalPrice: amount(line.totalPrice),
  };
}

export type OrderReader = ReturnType<typeof createOrderReader>;
