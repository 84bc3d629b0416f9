import type { OrderStatus } from '../domain/order.ts';
import type { PrismaClient, Prisma } from '../generated/prisma/client.ts';

const withProducts = { products: { orderBy: { productId: 'asc' } } } as const satisfies Prisma.OrderInclude;

export type OrderRecord = Prisma.OrderGetPayload<{ include: typeof withProducts }>;
export type OrderEventRecord = Prisma.OrderEventGetPayload<{ omit: { snapshot: true } }>;

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

    /** An order's timeline, oldest first, after the event `after`. */
    events: (orderId: number, after: number | undefined, limit: number): Promise<OrderEventRecord[]> =>
      prisma.orderEvent.findMany({
        where: { orderId: BigInt(orderId), ...(after === undefined ? {} : { id: { gt: BigInt(after) } }) },
        omit: { snapshot: true },
        orderBy: { id: 'asc' },
        take: limit + 1,
      }),

    /** Orders that have been CANCELLING for longer than `ms`, by the database's clock; oldest first (rule R7). */
    async stuck(ms: number, limit: number): Promise<OrderRecord[]> {
      const [clock] = await prisma.$queryRaw<{ now: Date }[]>`SELECT now() AS now`;
      return prisma.order.findMany({
        where: { cancellingAt: { lt: new Date((clock?.now.getTime() ?? 0) - ms) } },
        include: withProducts,
        orderBy: { cancellingAt: 'asc' },
        take: limit,
      });
    },
  };
}

export type OrderReader = ReturnType<typeof createOrderReader>;
