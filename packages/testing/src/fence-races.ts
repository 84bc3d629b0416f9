import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ReceivedEvent } from '@orderflow/shared-events/contract';
import type { Pool, PoolClient } from 'pg';
import { createTestDatabase, type TestDatabase, type TestDatabaseOptions } from './database.ts';
import { orderCancelling, toDeliveries, type TestDelivery } from './events.ts';
import { waitUntil } from './wait-until.ts';
import type { ConnectionPool } from './watched-pool.ts';

type Deliver = (pool: ConnectionPool, batch: readonly TestDelivery[]) => Promise<{ readonly facts: number }>;

/** Both steps of a participant, and the table of fences that they share. Everything is handed in. */
export interface FencedSteps extends TestDatabaseOptions {
  /** Its primary key is called `<fence>_pkey`. */
  readonly fence: string;
  readonly createPool: (options: { url: string; name: string; max?: number }) => Pool;
  readonly forward: Deliver;
  readonly undo: Deliver;
  /** What the forward step does something about, on empty tables too. */
  readonly event: (orderId: number) => ReceivedEvent;
}

/** Longer than a step waits for a lock before it is run again: by then it has waited, or never will. */
const WAITING = { what: 'the step that waits for a row of another transaction', timeoutMs: 3_000 };

/** Registers what rule R1 promises of a participant: two steps that find no row at the same time, on a real Postgres. */
export function describeFenceRaces(steps: FencedSteps): void {
  const { fence, event } = steps;

  describe(`the fence ${fence}`, () => {
    let database: TestDatabase;
    let pool: Pool;
    let other: PoolClient;

    beforeAll(async () => {
      database = await createTestDatabase(steps);
      pool = steps.createPool({ url: database.url, name: 'tests' });
    });
    afterAll(async () => {
      await pool.end();
      await database.drop();
    });
    beforeEach(async () => {
      await pool.query(`DELETE FROM ${fence}; DELETE FROM outbox`);
    });

    const forward = (...orderIds: number[]) => steps.forward(pool, toDeliveries(orderIds.map(event)));
    const undo = (...orderIds: number[]) =>
      steps.undo(pool, toDeliveries(orderIds.map((orderId) => orderCancelling({ orderId }))));
    const rows = async () => {
      const found = await pool.query<{ order_id: number; status: string }>(
        `SELECT order_id, status FROM ${fence} ORDER BY order_id`,
      );
      return found.rows;
    };
    const answers = async () => (await pool.query('SELECT FROM outbox')).rowCount;

    /** Runs `losing` while another transaction has done `statement` and not committed it; it waits, then loses. */
    async function loseRace(
      statement: string,
      losing: () => Promise<unknown>,
      meanwhile: () => Promise<unknown> = () => Promise.resolve(),
    ): Promise<void> {
      other = await pool.connect();
      try {
        await other.query(`BEGIN; SET LOCAL lock_timeout = '500ms'; ${statement}`);
        const lost = expect(losing()).rejects.toMatchObject({ code: '23505', constraint: `${fence}_pkey` });
        await waitUntil(() => database.someoneWaits(), WAITING);
        await meanwhile();
        await other.query('COMMIT');
        await lost;
      } finally {
        other.release(true);
      }
    }
    const insert = (orderId: number, status: string) =>
      `INSERT INTO ${fence} (order_id, status) VALUES (${orderId}, '${status}')`;

    it('has a forward step lose to a tombstone that is not committed yet, and do nothing when it is run again', async () => {
      await loseRace(insert(1, 'undone'), () => forward(1));
      expect(await answers()).toBe(0);
      expect(await forward(1)).toMatchObject({ facts: 0 });
      expect(await rows()).toEqual([{ order_id: 1, status: 'undone' }]);
    });

    it('has an undo step lose to a row that is not committed yet, and undo that when it is run again', async () => {
      await loseRace(insert(1, 'rejected'), () => undo(1));
      expect(await answers()).toBe(0);
      expect(await undo(1)).toMatchObject({ facts: 1 });
      expect(await rows()).toEqual([{ order_id: 1, status: 'undone' }]);
    });

    it('has the second of two undo steps wait for the first, and then do nothing', async () => {
      await pool.query(insert(1, 'rejected'));
      other = await pool.connect();
      try {
        await other.query(`BEGIN; UPDATE ${fence} SET status = 'undone' WHERE order_id = 1`);
        const waiting = undo(1);
        await waitUntil(() => database.someoneWaits(), WAITING);
        await other.query('COMMIT');
        expect(await waiting).toMatchObject({ facts: 0 });
      } finally {
        other.release(true);
      }
    });

    it.each([
      ['forward', forward],
      ['undo', undo],
    ] as const)(
      'gets the rows of a batch in the order of their ids (%s): batches cannot wait in a circle',
      async (_, run) => {
        // While the step waits for order 1 it has not touched order 2 yet, which came before in its batch.
        await loseRace(
          insert(1, 'undone'),
          () => run(2, 1),
          () => other.query(insert(2, 'undone')),
        );
      },
    );
  });
}
