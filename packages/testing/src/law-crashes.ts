import type { TestDelivery } from './events.ts';
import type { LawSubject } from './law-subject.ts';
import { waitUntil } from './wait-until.ts';
import { watchPool } from './watched-pool.ts';

/** The process fails after its `last`-th statement; it can still roll back. */
export function failAfter(
  subject: LawSubject,
  batch: readonly TestDelivery[],
  last: number,
): Promise<unknown> {
  let sent = 0;
  const pool = watchPool(subject.pool, async ({ text, run }) => {
    if (text === 'ROLLBACK') return run();
    const result = await run();
    sent += 1;
    if (sent === last) throw new Error('planted failure');
    return result;
  });
  return subject.deliver(pool, batch);
}

/** The connection is gone after its `last`-th statement. */
export function killAfter(
  subject: LawSubject,
  batch: readonly TestDelivery[],
  last: number,
): Promise<unknown> {
  let sent = 0;
  const pool = watchPool(subject.pool, async ({ client, run }) => {
    const result = await run();
    sent += 1;
    if (sent === last) {
      const { processID } = client as unknown as { processID: number };
      await subject.pool.query('SELECT pg_terminate_backend($1)', [processID]);
    }
    return result;
  });
  return subject.deliver(pool, batch);
}

/** COMMIT happens, its answer does not come. */
export function loseCommit(subject: LawSubject, batch: readonly TestDelivery[]): Promise<unknown> {
  let isLost = false;
  const pool = watchPool(subject.pool, async ({ text, run }) => {
    if (isLost) throw Object.assign(new Error('connection reset'), { code: 'ECONNRESET' });
    const result = await run();
    if (text !== 'COMMIT') return result;
    isLost = true;
    throw Object.assign(new Error('connection reset'), { code: 'ECONNRESET' });
  });
  return subject.deliver(pool, batch);
}

/**
 * The process stands still after its `last`-th statement, and another one takes the same batch over: until it is done
 * or waits for a lock of the first one. Then the first goes on.
 */
export async function stallAfter(
  subject: LawSubject,
  batch: readonly TestDelivery[],
  last: number,
): Promise<void> {
  let sent = 0;
  let other: Promise<unknown> = Promise.resolve();
  const pool = watchPool(subject.pool, async ({ run }) => {
    const result = await run();
    sent += 1;
    if (sent === last) {
      let isOver = false;
      other = untilDone(() => subject.deliver(subject.pool, batch)).finally(() => (isOver = true));
      other.catch(() => undefined);
      await waitUntil(async () => isOver || (await someoneWaits(subject)), { intervalMs: 1 });
    }
    return result;
  });
  await untilDone(() => subject.deliver(pool, batch));
  await other;
}

const LOST_RACE = '23505';
const LOCK_NOT_FREE = '55P03';

/** Runs a batch again that lost a race for a fence or did not get its locks in time, as the kit does. */
async function untilDone(run: () => Promise<unknown>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await run();
      return;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : undefined;
      if ((code !== LOST_RACE && code !== LOCK_NOT_FREE) || tries === 5) throw error;
    }
  }
}

async function someoneWaits({ owner }: LawSubject): Promise<boolean> {
  const { rows } = await owner.query(
    `SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted AND datname = current_database()`,
  );
  return rows.length > 0;
}
