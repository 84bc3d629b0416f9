import { PrismaPg } from '@prisma/adapter-pg';
import { POOL_SETTINGS } from './database.ts';
import { Prisma, PrismaClient } from '../generated/prisma/client.ts';
import { HttpRefusal, type Answer } from './front.ts';
import { ORDERS_ROUTE, type OrderRequest } from './orders-route.ts';

/** Prisma over pg, with the pool and the plan settings of the other baselines. */
export function createPrisma(databaseUrl: string): PrismaClient {
  return new PrismaClient({
    adapter: new PrismaPg({ connectionString: databaseUrl, ...POOL_SETTINGS }),
    // 256 requests wait for ten connections: the default of 2 s to get one would refuse some of them.
    transactionOptions: { maxWait: 30_000, timeout: 30_000 },
  });
}

const WRITE_CONFLICT = 'P2034';
const ATTEMPTS_MAX = 5;

/** Runs `work` in an interactive transaction, and again when Postgres ended it as part of a deadlock. */
export async function inTransaction<Result>(
  prisma: PrismaClient,
  work: (tx: Prisma.TransactionClient) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await prisma.$transaction(work);
    } catch (error) {
      if (!isPrismaError(error, WRITE_CONFLICT) || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

function isPrismaError(error: unknown, code: string): error is Prisma.PrismaClientKnownRequestError {
  return error instanceof Prisma.PrismaClientKnownRequestError && error.code === code;
}

export async function insertKey(
  tx: Prisma.TransactionClient,
  request: OrderRequest,
  { status, json }: Answer,
): Promise<void> {
  await tx.idempotencyKey.create({
    data: { ...keyOf(request), fingerprint: request.fingerprint, status, answer: json },
  });
}

const UNIQUE_VIOLATION = 'P2002';

/** Runs `place`; when its key was taken (and it rolled back), gives the stored answer again. */
export async function oncePerKey(
  prisma: PrismaClient,
  request: OrderRequest,
  place: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await place();
  } catch (error) {
    if (!isPrismaError(error, UNIQUE_VIOLATION) || error.meta?.['modelName'] !== 'IdempotencyKey')
      throw error;
    const stored = await prisma.idempotencyKey.findUniqueOrThrow({
      where: { subject_route_key: keyOf(request) },
    });
    if (stored.fingerprint !== request.fingerprint) throw new HttpRefusal(422, 'IDEMPOTENCY_KEY_REUSED');
    return { status: stored.status, json: stored.answer };
  }
}

function keyOf(request: OrderRequest) {
  return { subject: BigInt(request.userId), route: ORDERS_ROUTE, key: request.idempotencyKey };
}
