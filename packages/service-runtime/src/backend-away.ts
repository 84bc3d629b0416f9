/**
 * SQLSTATE classes that say "not now": connection (08), lost races (40), resources (53), object state (55, lock_timeout
 * among it), operator (57, statement_timeout among it), system (58), database missing (3D); and idle time-outs of class 25.
 */
const sqlStates = /^((08|3D|40|53|55|57|58)[0-9A-Z]{3}|25P0[34])$/;

/** The message kit's own names for a lost database, a lost broker and too many waiting requests. */
const kitCodes = new Set(['DATABASE_AWAY', 'BROKER_AWAY', 'OVERLOADED']);

const socketCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EPIPE',
  'ETIMEDOUT',
]);

/** Prisma: cannot reach, timed out, pool exhausted, connection closed, write conflict. */
const prismaCodes = new Set(['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2034', 'P2037']);

/** What Prisma's driver adapter calls a failure that the database itself gave no code; seen behind its raw queries. */
const driverKinds = new Set([
  'ConnectionClosed',
  'DatabaseNotReachable',
  'SocketTimeout',
  'TlsConnectionError',
  'TooManyConnections',
  'TransactionWriteConflict',
]);

/** The driver gives these no code (pg 8.23, pg-pool 3): its text is all there is. */
const driverTexts = new Set([
  'timeout exceeded when trying to connect',
  'Connection terminated',
  'Connection terminated unexpectedly',
  'Connection terminated due to connection timeout',
  'Client has encountered a connection error and is not queryable',
  'Client was closed and is not queryable',
  'Cannot use a pool after calling end on the pool',
]);

/** What an error may carry, of whatever class it is. */
interface Readable {
  readonly code?: unknown;
  readonly originalCode?: unknown;
  readonly kind?: unknown;
  readonly message?: unknown;
  readonly cause?: unknown;
  readonly meta?: { readonly driverAdapterError?: unknown };
}

/**
 * True when an error says that a backend is away, overloaded or too slow, so that the same request may work later.
 * Looks through `cause` chains and Prisma's wrapping.
 */
export function isBackendAway(error: unknown): boolean {
  let current = error;
  // By shape, not by class: Node's own errors come from another realm where code runs in a vm context.
  for (let depth = 0; depth < 5 && typeof current === 'object' && current !== null; depth += 1) {
    const { code, originalCode, kind, message, cause, meta }: Readable = current;
    // Prisma keeps the database's own code in `originalCode` of what its driver adapter threw, below `meta`.
    for (const name of [code, originalCode]) if (typeof name === 'string' && saysAway(name)) return true;
    if (typeof kind === 'string' && driverKinds.has(kind)) return true;
    if (typeof message === 'string' && driverTexts.has(message)) return true;
    current = cause ?? meta?.driverAdapterError;
  }
  return false;
}

function saysAway(code: string): boolean {
  return sqlStates.test(code) || kitCodes.has(code) || socketCodes.has(code) || prismaCodes.has(code);
}
