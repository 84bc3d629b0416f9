/** SQLSTATE classes and codes that say "not now": connection lost, server stopping, no slot, waited too long, lost a race. */
const sqlStates = /^(08...|57P..|57014|53[0-9]..|55P03|40001|40P01|25P03|25P04)$/;

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

/**
 * True when an error says that a backend is away, overloaded or too slow, so that the same request may work later.
 * Looks through `cause` chains and Prisma's wrapping.
 */
export function isBackendAway(error: unknown): boolean {
  for (
    let current = error, depth = 0;
    current instanceof Error && depth < 5;
    current = current.cause, depth += 1
  ) {
    const code = 'code' in current ? String(current.code) : '';
    if (sqlStates.test(code) || socketCodes.has(code) || prismaCodes.has(code)) return true;
    if (driverTexts.has(current.message)) return true;
  }
  return false;
}
