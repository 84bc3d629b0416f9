import type { Pool } from 'pg';
import { createTestDatabase, type TestDatabaseOptions } from './database.ts';
import type { LawSubject } from './law-subject.ts';

/** A subject whose database and pools are still to be opened. */
export type ClosedSubject = Omit<LawSubject, 'pool' | 'owner' | 'seed' | 'seedMany'> &
  TestDatabaseOptions & {
    /** The step's name; `name` is the database's. */
    readonly step: string;
    /** Opens pools as the service does. */
    readonly createPool: (options: { url: string; name: string; max?: number }) => Pool;
    /** SQL, run by the owner on empty tables. Generated ids are given: OVERRIDING SYSTEM VALUE. */
    readonly seed: string;
    /** SQL for what `effective` needs besides. */
    readonly seedMany?: string;
  };

/** Opens a subject on a database of its own. */
export async function openSubject({
  createPool,
  seed,
  seedMany = '',
  step,
  ...options
}: ClosedSubject): Promise<{
  subject: LawSubject;
  close: () => Promise<void>;
}> {
  const database = await createTestDatabase(options);
  const pool = createPool({ url: database.url, name: step, max: 3 });
  const owner = createPool({ url: database.ownerUrl, name: `${step} owner`, max: 1 });
  return {
    subject: {
      ...options,
      name: step,
      pool,
      owner,
      seed: () => owner.query(seed),
      seedMany: () => owner.query(seedMany),
    },
    async close() {
      await Promise.all([pool.end(), owner.end()]);
      await database.drop();
    },
  };
}
