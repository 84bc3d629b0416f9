import type { TestDelivery } from './events.ts';
import type { LawSubject } from './law-subject.ts';
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
