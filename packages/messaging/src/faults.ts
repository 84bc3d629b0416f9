import { isSqlError } from './postgres.ts';

/**
 * What a failed batch asks for:
 * - `lost-race`: another transaction inserted the same fence row first (rule R1); run the batch again at once;
 * - `retry`: a backend is away or busy; run again after a pause, for ever;
 * - `constraint`: another integrity error; run again a few times, then it is the message's fault;
 * - `message`: the fault of one message; halve the batch until it is alone, then park it.
 */
export type Fault =
  | { readonly kind: 'lost-race' | 'retry' | 'constraint' }
  | { readonly kind: 'message'; readonly reason: 'FAULT' | 'REFUND_WITHOUT_CHARGE' };

/**
 * SQLSTATE classes that speak of the server, the connection or the release, not of the data: connection (08),
 * feature or cached plan (0A), transaction state (25), authorization (28), rollback (40), syntax or access rule (42), resources (53),
 * object state (55, lock_timeout), operator (57, statement_timeout), system (58), database missing (3D), internal (XX).
 */
const RETRY_CLASSES = new Set(['08', '0A', '25', '28', '40', '42', '53', '55', '57', '58', '3D', 'XX']);

const RETRY_CODES = new Set([
  'DATABASE_AWAY',
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/**
 * Classifies any thrown value, by code alone: never by text, and never by class, since two copies of a package
 * would not share one. Total: what is not known is the message's fault.
 * @param fences names of the primary-key constraints of the step's fence tables.
 */
export function classify(error: unknown, fences: readonly string[]): Fault {
  if (isSqlError(error)) {
    if (error.code === '23505' && fences.includes(error.constraint ?? '')) return { kind: 'lost-race' };
    const sqlClass = error.code?.slice(0, 2) ?? '';
    if (sqlClass === '23') return { kind: 'constraint' };
    return RETRY_CLASSES.has(sqlClass) ? { kind: 'retry' } : { kind: 'message', reason: 'FAULT' };
  }
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code === 'string' && RETRY_CODES.has(code)) return { kind: 'retry' };
  return { kind: 'message', reason: code === 'REFUND_WITHOUT_CHARGE' ? code : 'FAULT' };
}
