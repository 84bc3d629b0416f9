import type { RefusalReason } from '@orderflow/shared-events/envelope';
import type { MessageFaultCode } from '@orderflow/shared-events/fault';
import type { Delivery } from './step.ts';
import { transaction, type ConnectionPool, type Tx } from './postgres.ts';

/** Why a message was parked. A closed set: alarms and operators' filters name them. */
export type DeadLetterReason = RefusalReason | MessageFaultCode | 'UNSUPPORTED_COMPRESSION' | 'FAULT';

export interface ParkedMessage {
  readonly message: Delivery;
  readonly reason: DeadLetterReason;
  readonly error: string;
}

export interface DeadLetter {
  readonly id: number;
  readonly step: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Header values in base64, so that binary ones survive. */
  readonly headers: Readonly<Record<string, string>>;
  readonly reason: DeadLetterReason;
  readonly error: string;
  readonly parkedAt: Date;
  readonly closedAt: Date | null;
  readonly outcome: ReplayOutcome | null;
}

/** How a dead letter was closed. NO_EFFECT: the order was over, or the event had been handled meanwhile. */
export type ReplayOutcome = 'REPLAYED' | 'NO_EFFECT' | 'DISCARDED';

const MAX_ERROR_LENGTH = 2_000;

/**
 * Parks messages with their full bytes, in one statement. One row per (step, topic, partition, offset): a redelivery of
 * a parked message changes nothing (rule R9).
 */
export async function park(tx: Tx, step: string, parked: readonly ParkedMessage[]): Promise<void> {
  await tx.query(
    `INSERT INTO dead_letters (step, topic, partition, "offset", key, value, headers, reason, error)
     SELECT $1, m.* FROM unnest($2::text[], $3::int[], $4::bigint[], $5::bytea[], $6::bytea[], $7::jsonb[], $8::text[], $9::text[]) m
     ON CONFLICT (step, topic, partition, "offset") DO NOTHING`,
    [
      step,
      parked.map(({ message }) => message.topic),
      parked.map(({ message }) => message.partition),
      parked.map(({ message }) => message.offset),
      parked.map(({ message }) => message.key),
      parked.map(({ message }) => message.value),
      parked.map(({ message }) => headersToJson(message.headers)),
      parked.map(({ reason }) => reason),
      parked.map(({ error }) => error.replaceAll('\0', '�').slice(0, MAX_ERROR_LENGTH)),
    ],
  );
}

export interface DeadLetterFilter {
  readonly step?: string;
  readonly topic?: string;
  readonly reason?: DeadLetterReason;
  readonly ids?: readonly number[];
  /** Default: open ones only. */
  readonly includeClosed?: boolean;
  /** Rows with a lower id than this, for paging. */
  readonly before?: number;
  /** Default 100. */
  readonly limit?: number;
}

/** Dead letters with their full messages, newest first. */
export async function listDeadLetters(
  pool: ConnectionPool,
  filter: DeadLetterFilter = {},
): Promise<DeadLetter[]> {
  return transaction(pool, async (tx) => {
    const { rows } = await tx.query<DeadLetter>(
      `SELECT id, step, topic, partition, "offset"::text, key, value, headers, reason, error,
              parked_at AS "parkedAt", closed_at AS "closedAt", outcome
         FROM dead_letters
        WHERE ($1::text IS NULL OR step = $1) AND ($2::text IS NULL OR topic = $2) AND ($3::text IS NULL OR reason = $3)
          AND ($4::bigint[] IS NULL OR id = ANY ($4)) AND ($5 OR closed_at IS NULL) AND ($6::bigint IS NULL OR id < $6)
        ORDER BY id DESC LIMIT $7`,
      [
        filter.step ?? null,
        filter.topic ?? null,
        filter.reason ?? null,
        filter.ids ?? null,
        filter.includeClosed ?? false,
        filter.before ?? null,
        filter.limit ?? 100,
      ],
    );
    return rows;
  });
}

function headersToJson(headers: Delivery['headers']): string {
  const encoded: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const first = Array.isArray(value) ? value[0] : value;
    // Kafka allows a null value, whatever the client's types say, and JSONB no NUL in a name.
    if (first) encoded[name.replaceAll('\0', '�')] = Buffer.from(first).toString('base64');
  }
  return JSON.stringify(encoded);
}

/** Deletes dead letters that were closed more than `days` ago, at most `limit`; open ones stay. Returns how many. */
export async function purgeDeadLetters(
  tx: Pick<Tx, 'query'>,
  { days, limit }: { days: number; limit: number },
): Promise<number> {
  const { rows } = await tx.query(
    `DELETE FROM dead_letters WHERE id IN (
       SELECT id FROM dead_letters WHERE closed_at < now() - make_interval(days => $1)
        LIMIT $2 FOR UPDATE SKIP LOCKED)
     RETURNING id`,
    [days, limit],
  );
  return rows.length;
}
