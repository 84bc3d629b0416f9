import { describe, expect, it } from '@jest/globals';
import { MemoryDatabase, MemoryTransaction, type MemoryRow } from './memory-database.ts';

const everything = () => true;
const withId = (id: number) => (row: MemoryRow) => row['id'] === id;
const used = (row: MemoryRow): MemoryRow => ({ ...row, used: true });

/** Coupons 1 and 2, and two transactions; `done` lists what came to an end, in its order. */
function opened() {
  const done: string[] = [];
  const database = new MemoryDatabase(
    {
      coupons: {
        rows: [
          { id: 1, used: false },
          { id: 2, used: false },
        ],
        check: ({ id }) => id !== 13,
      },
      fences: { rows: [], unique: { column: 'id', constraint: 'fences_pkey' } },
    },
    () => Promise.resolve(),
    () => undefined,
  );
  const begin = (name: string) => new MemoryTransaction(database, name);
  const noted = (name: string, work: Promise<unknown>) =>
    work.then(
      () => void done.push(name),
      (error: unknown) => void done.push(`${name} ${(error as { code: string }).code}`),
    );
  return { database, done, noted, one: begin('one'), other: begin('other') };
}

const settled = () => new Promise<void>((resolve) => void setImmediate(resolve));

describe('the store in memory', () => {
  it('shows what a transaction wrote to itself at once, and to others after its commit', async () => {
    const { database, one, other } = opened();
    await one.update('coupons', withId(1), used);
    expect(one.select('coupons', withId(1))).toEqual([{ id: 1, used: true }]);
    expect(other.select('coupons', withId(1))).toEqual([{ id: 1, used: false }]);
    database.end(one, 'commit');
    expect(other.select('coupons', withId(1))).toEqual([{ id: 1, used: true }]);
  });

  it('lets who locks a row wait for its holder, and then see what he wrote', async () => {
    const { database, one, other, done, noted } = opened();
    await one.update('coupons', withId(1), used);
    const locked = other.lock('coupons', everything, 'id');
    void noted('locked', locked);
    await settled();
    expect([done, database.waiting]).toEqual([[], 1]);
    database.end(one, 'commit');
    expect(await locked).toEqual([
      { id: 1, used: true },
      { id: 2, used: false },
    ]);
  });

  it('forgets what a transaction wrote that rolls back', async () => {
    const { database, one, other } = opened();
    await one.update('coupons', everything, used);
    await one.insert('fences', [{ id: 1 }]);
    database.end(one, 'rollback');
    expect(other.select('coupons', ({ used }) => used === true)).toEqual([]);
    expect(database.rows()['fences']).toEqual([]);
  });

  it('neither shows nor locks a row that another is inserting', async () => {
    const { one, other } = opened();
    await one.insert('fences', [{ id: 1 }]);
    expect(other.select('fences', everything)).toEqual([]);
    expect(await other.lock('fences', everything, 'id')).toEqual([]);
  });

  it.each([
    ['commit', ['inserted 23505']],
    ['rollback', ['inserted']],
  ] as const)(
    'lets who inserts a key wait for another that has inserted it: after its %s %s',
    async (how, outcome) => {
      const { database, one, other, done, noted } = opened();
      await one.insert('fences', [{ id: 1 }]);
      const inserted = noted('inserted', other.insert('fences', [{ id: 1 }]));
      await settled();
      expect(done).toEqual([]);
      database.end(one, how);
      await inserted;
      expect(done).toEqual(outcome);
    },
  );

  it('leaves a key to who has it when told to do nothing', async () => {
    const { database, one, other } = opened();
    await one.insert('fences', [{ id: 1, of: 'one' }]);
    database.end(one, 'commit');
    await other.insert('fences', [{ id: 1, of: 'other' }], 'do-nothing');
    database.end(other, 'commit');
    expect(database.rows()['fences']).toEqual([{ id: 1, of: 'one' }]);
  });

  it('ends a circle of waiting with 40P01 for who closes it; the other goes on', async () => {
    const { database, one, other, done, noted } = opened();
    await one.lock('coupons', withId(1), 'id');
    await other.lock('coupons', withId(2), 'id');
    const first = noted('one', one.lock('coupons', withId(2), 'id'));
    await noted('other', other.lock('coupons', withId(1), 'id'));
    expect(done).toEqual(['other 40P01']);
    database.end(other, 'rollback');
    await first;
    expect([done, database.deadlocks]).toEqual([['other 40P01', 'one'], 1]);
  });

  it('refuses a row that violates its check', async () => {
    const { one, done, noted } = opened();
    await noted('inserted', one.insert('coupons', [{ id: 13 }]));
    expect(done).toEqual(['inserted 23514']);
  });
});
