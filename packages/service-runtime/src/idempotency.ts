import { hash } from 'node:crypto';
import type { Caller } from './auth.ts';
import { problem } from './problem.ts';
import type { RawAnswer } from './route.ts';

/** What this module needs of a database connection inside a transaction; pg's client and pool fit. */
export interface Queryable {
  query<Row extends object>(text: string, values?: unknown[]): Promise<{ rows: Row[] }>;
}

/** An answer as it is kept: its body is the JSON text that was sent. */
export interface StoredAnswer {
  readonly status: number;
  readonly json: string;
  readonly headers: Readonly<Record<string, string>> | null;
}

export interface KeyId {
  readonly subject: number;
  /** "POST /v1/orders". */
  readonly route: string;
  readonly key: string;
}

export interface KeyClaim extends KeyId {
  readonly fingerprint: string;
  /** The answer when it is known before the effect is made; null: `storeAnswers` brings it in the same transaction. */
  readonly answer: StoredAnswer | null;
}

export type ClaimOutcome =
  /** First of its key: make the effect. */
  | { readonly kind: 'claimed' }
  /** Done before: send this answer again. */
  | { readonly kind: 'replay'; readonly answer: StoredAnswer }
  /** The key belongs to another request: 422 IDEMPOTENCY_KEY_REUSED. */
  | { readonly kind: 'reused' }
  /** Equal to the claim at `index` of this very batch, which is `claimed`: it ends as that one ends. */
  | { readonly kind: 'follows'; readonly index: number };

/** Names one request for its key: the hash of path, query and body, blind to the order of fields. */
export function fingerprint(value: unknown): string {
  return hash('sha256', canonicalJson(value), 'base64url');
}

/** Bigints are written as `1250n`, which no JSON number or string looks like. */
function canonicalJson(value: unknown): string {
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : 'null';
  if (typeof value === 'bigint') return `${value}n`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`;
  if (value instanceof Date) return JSON.stringify(value);
  let text = '';
  for (const name of Object.keys(value).sort()) {
    const field = value[name as keyof typeof value] as unknown;
    if (field !== undefined) text += `,${JSON.stringify(name)}:${canonicalJson(field)}`;
  }
  return `{${text.slice(1)}}`;
}

/** The claim of a request to an idempotent route. */
export function claimOf(
  request: {
    readonly caller: Caller;
    readonly route: string;
    readonly idempotencyKey: string;
    readonly params: unknown;
    readonly body: unknown;
  },
  answer: StoredAnswer | null,
): KeyClaim {
  return {
    subject: request.caller.userId,
    route: request.route,
    key: request.idempotencyKey,
    fingerprint: fingerprint({ params: request.params, body: request.body }),
    answer,
  };
}

/** A stored answer on its way out again, marked as a replay. */
export function replayed(answer: StoredAnswer): RawAnswer {
  return {
    status: answer.status,
    json: answer.json,
    headers: { ...answer.headers, 'Idempotency-Replayed': 'true' },
  };
}

/** The refusal of a claim whose outcome is `reused`. */
export function keyReused(): Error {
  return problem('IDEMPOTENCY_KEY_REUSED', {
    detail: 'this Idempotency-Key was used with another request; take a new one',
  });
}

function keyInProgress(cause?: unknown): Error {
  const detail = 'a request with this Idempotency-Key is still running';
  return problem('IDEMPOTENCY_IN_PROGRESS', { detail, headers: { 'Retry-After': '1' }, cause });
}

/** Until `storeAnswers` comes, in the same transaction: no other ever sees it. */
const unanswered = 0;

const insertClaims = `
  INSERT INTO idempotency_keys (subject, route, key, fingerprint, status, answer, headers)
  SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::int[], $6::text[], $7::text[])
  ORDER BY 1, 2, 3
  ON CONFLICT DO NOTHING
  RETURNING subject::text, route, key`;

const readClaims = `
  SELECT k.subject::text, k.route, k.key, k.fingerprint, k.status, k.answer, k.headers
  FROM unnest($1::bigint[], $2::text[], $3::text[]) AS wanted(subject, route, key)
  JOIN idempotency_keys k USING (subject, route, key)`;

interface StoredKey {
  readonly subject: string;
  readonly route: string;
  readonly key: string;
  readonly fingerprint: string;
  readonly status: number;
  readonly answer: string;
  readonly headers: string | null;
}

/**
 * Claims the keys of a batch inside the caller's transaction (READ COMMITTED): one statement, and a second one only
 * when some keys exist already. Another transaction that holds a key is waited for; rows are inserted in key order, so
 * two batches cannot deadlock here.
 * @returns one outcome per claim, in order
 * @throws Problem IDEMPOTENCY_IN_PROGRESS when that wait passes `lock_timeout`; the transaction is then aborted
 */
export async function claimKeys(tx: Queryable, claims: readonly KeyClaim[]): Promise<ClaimOutcome[]> {
  if (claims.length === 0) return [];
  const firstIndex = new Map<string, number>();
  claims.forEach((claim, index) => {
    if (!firstIndex.has(identity(claim))) firstIndex.set(identity(claim), index);
  });
  const distinct = [...firstIndex.values()].map((index) => claims[index] as KeyClaim);
  const claimed = await insertNew(tx, distinct);
  const taken = distinct.filter((claim) => !claimed.has(identity(claim)));
  const stored = taken.length === 0 ? new Map<string, StoredKey>() : await readStored(tx, taken);
  return claims.map((claim, index) => {
    const first = firstIndex.get(identity(claim)) ?? index;
    if (claimed.has(identity(claim))) {
      if (first === index) return { kind: 'claimed' };
      return claims[first]?.fingerprint === claim.fingerprint
        ? { kind: 'follows', index: first }
        : { kind: 'reused' };
    }
    const known = stored.get(identity(claim));
    // Gone between the two statements (its seven days were over): the caller's next try claims it.
    if (!known) throw keyInProgress();
    if (known.fingerprint !== claim.fingerprint) return { kind: 'reused' };
    return { kind: 'replay', answer: answerOf(known) };
  });
}

/** NUL cannot stand in a key or a route, so the parts cannot run into each other. */
function identity(id: {
  readonly subject: number | string;
  readonly route: string;
  readonly key: string;
}): string {
  return `${id.subject}\0${id.route}\0${id.key}`;
}

function answerOf(row: StoredKey): StoredAnswer {
  const headers = row.headers === null ? null : (JSON.parse(row.headers) as Record<string, string>);
  return { status: row.status, json: row.answer, headers };
}

async function insertNew(tx: Queryable, claims: readonly KeyClaim[]): Promise<ReadonlySet<string>> {
  const inserted = await tx
    .query<StoredKey>(insertClaims, [
      ...idColumns(claims),
      claims.map((claim) => claim.fingerprint),
      ...answerColumns(claims.map((claim) => claim.answer)),
    ])
    .catch((error: unknown) => {
      throw isLockTimeout(error) ? keyInProgress(error) : error;
    });
  return new Set(inserted.rows.map(identity));
}

function isLockTimeout(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === '55P03';
}

async function readStored(
  tx: Queryable,
  claims: readonly KeyClaim[],
): Promise<ReadonlyMap<string, StoredKey>> {
  const found = await tx.query<StoredKey>(readClaims, idColumns(claims));
  return new Map(found.rows.map((row) => [identity(row), row]));
}

function idColumns(ids: readonly KeyId[]): unknown[] {
  return [ids.map((id) => id.subject), ids.map((id) => id.route), ids.map((id) => id.key)];
}

function answerColumns(answers: readonly (StoredAnswer | null)[]): unknown[] {
  return [
    answers.map((answer) => answer?.status ?? unanswered),
    answers.map((answer) => answer?.json ?? ''),
    answers.map((answer) => (answer?.headers ? JSON.stringify(answer.headers) : null)),
  ];
}

/** Stores the answers of keys this transaction has claimed: one statement. Only answers with an effect (2xx) belong here. */
export async function storeAnswers(
  tx: Queryable,
  answers: readonly (KeyId & { readonly answer: StoredAnswer })[],
): Promise<void> {
  if (answers.length === 0) return;
  await tx.query(
    `UPDATE idempotency_keys k SET status = a.status, answer = a.answer, headers = a.headers
     FROM unnest($1::bigint[], $2::text[], $3::text[], $4::int[], $5::text[], $6::text[])
       AS a(subject, route, key, status, answer, headers)
     WHERE k.subject = a.subject AND k.route = a.route AND k.key = a.key`,
    [...idColumns(answers), ...answerColumns(answers.map((one) => one.answer))],
  );
}

/** Gives back keys this transaction has claimed and whose requests were refused: one statement. */
export async function releaseKeys(tx: Queryable, ids: readonly KeyId[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.query(
    `DELETE FROM idempotency_keys k USING unnest($1::bigint[], $2::text[], $3::text[]) AS r(subject, route, key)
     WHERE k.subject = r.subject AND k.route = r.route AND k.key = r.key`,
    idColumns(ids),
  );
}

/**
 * Deletes keys older than `days` (7 by the API's promise), at most `limit` a call.
 * @returns how many; fewer than `limit` means that none is left
 */
export async function purgeKeys(db: Queryable, options: { days: number; limit: number }): Promise<number> {
  const { rows } = await db.query<{ purged: string }>(
    `WITH old AS (
       SELECT subject, route, key FROM idempotency_keys
       WHERE created_at < now() - make_interval(days => $1) LIMIT $2 FOR UPDATE SKIP LOCKED),
     gone AS (DELETE FROM idempotency_keys USING old
       WHERE idempotency_keys.subject = old.subject AND idempotency_keys.route = old.route
         AND idempotency_keys.key = old.key RETURNING 1)
     SELECT count(*)::text AS purged FROM gone`,
    [options.days, options.limit],
  );
  return Number(rows[0]?.purged ?? 0);
}
