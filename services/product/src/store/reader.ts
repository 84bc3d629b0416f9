import type { PrismaClient } from '../generated/prisma/client.ts';

/** Plain reads, in a pool of their own: a slow list never holds up a step. */
export type Reader = PrismaClient;
