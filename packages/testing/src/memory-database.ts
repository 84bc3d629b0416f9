/** A row by its columns, as `to_jsonb` shows one. */
export type MemoryRow = Readonly<Record<string, unknown>>;

export interface MemoryTable {
  readonly rows: readonly MemoryRow[];
  /** A violation is error 23505 that names the constraint. */
  readonly unique?: { readonly column: string; readonly constraint: string };
  /** A violation is error 23514. */
  readonly check?: (row: MemoryRow) => boolean;
}

/** What a commit wrote; `before` is null for a row that it inserted. */
export interface MemoryChange {
  readonly table: string;
  readonly before: MemoryRow | null;
  readonly after: MemoryRow;
}

/** A place for one row. Whoever locks or writes it holds it until his transaction ends. */
interface Slot {
  committed: MemoryRow | null;
  written: MemoryRow | null;
  holder: MemoryTransaction | null;
}

interface Stored extends MemoryTable {
  readonly name: string;
  readonly slots: Slot[];
}

type Where = (row: MemoryRow) => boolean;

/** An error as the server sends it. */
export function sqlError(code: string, message: string, constraint?: string): Error {
  return Object.assign(new Error(message), { code, severity: 'ERROR', constraint });
}

/**
 * Tables in memory under READ COMMITTED, for a scheduler that decides who goes on: row locks and unique keys make a
 * transaction wait until the other one ends, as in Postgres, and who closes a circle of waiting gets 40P01. What a
 * statement means is said by whoever runs it; there are no deletes.
 */
export class MemoryDatabase {
  readonly #tables = new Map<string, Stored>();
  readonly #committed: (changes: readonly MemoryChange[]) => void;
  /** Lets a transaction go on that the end of another has woken: with all others, in any order. */
  readonly turn: (label: string) => Promise<void>;
  /** Transactions that wait for another. */
  waiting = 0;
  /** How often one had to wait, and how often that closed a circle. */
  waits = 0;
  deadlocks = 0;

  /** @param committed told of each commit, right after it */
  constructor(
    tables: Readonly<Record<string, MemoryTable>>,
    turn: (label: string) => Promise<void>,
    committed: (changes: readonly MemoryChange[]) => void,
  ) {
    this.turn = turn;
    this.#committed = committed;
    for (const [name, table] of Object.entries(tables)) {
      const slots = table.rows.map((row) => ({ committed: row, written: null, holder: null }));
      this.#tables.set(name, { ...table, name, slots });
    }
  }

  /** The committed rows of each table. */
  rows(): Record<string, MemoryRow[]> {
    const rows: Record<string, MemoryRow[]> = {};
    for (const { name, slots } of this.#tables.values())
      rows[name] = slots.map(({ committed }) => committed).filter((row) => row !== null);
    return rows;
  }

  table(name: string): Stored {
    const table = this.#tables.get(name);
    if (!table) throw new Error(`no table ${name}`);
    return table;
  }

  /** Makes what a transaction wrote visible, or as if it had never been, and wakes who waited for it. */
  end(transaction: MemoryTransaction, how: 'commit' | 'rollback'): void {
    const changes: MemoryChange[] = [];
    for (const [slot, { name, slots }] of transaction.held) {
      const { committed, written } = slot;
      slot.holder = null;
      slot.written = null;
      if (written !== null && how === 'commit') {
        slot.committed = written;
        changes.push({ table: name, before: committed, after: written });
      }
      if (slot.committed === null) slots.splice(slots.indexOf(slot), 1);
    }
    transaction.held.clear();
    if (how === 'commit') this.#committed(changes);
    for (const wakeUp of transaction.wakeUps.splice(0)) wakeUp();
  }
}

/** What statements do. Each sees what is committed when it begins, and what its own transaction wrote. */
export class MemoryTransaction {
  readonly #database: MemoryDatabase;
  readonly #name: string;
  readonly held = new Map<Slot, Stored>();
  readonly wakeUps: (() => void)[] = [];
  #waitsFor: MemoryTransaction | null = null;
  /** After an error the server refuses everything but the end. */
  failed = false;

  /** @param name shown where it goes on after it has waited */
  constructor(database: MemoryDatabase, name: string) {
    this.#database = database;
    this.#name = name;
  }

  select(table: string, where: Where): MemoryRow[] {
    return this.#shown(this.#database.table(table), where).map((slot) => this.#row(slot) as MemoryRow);
  }

  /**
   * SELECT … ORDER BY `column` FOR NO KEY UPDATE: locks one row after the other, waiting for whoever holds it, and
   * answers with each as it is by then. A row that the statement does not see is neither locked nor waited for.
   */
  async lock(table: string, where: Where, column: string): Promise<MemoryRow[]> {
    const stored = this.#database.table(table);
    const place = (slot: Slot) => this.#row(slot)?.[column] as number;
    const rows: MemoryRow[] = [];
    for (const slot of this.#shown(stored, where).sort((a, b) => place(a) - place(b))) {
      await this.#hold(slot, stored);
      const row = this.#row(slot);
      if (row && where(row)) rows.push(row);
    }
    return rows;
  }

  /** UPDATE: locks as it goes, in the order in which rows lie. */
  async update(table: string, where: Where, change: (row: MemoryRow) => MemoryRow): Promise<void> {
    const stored = this.#database.table(table);
    for (const slot of this.#shown(stored, where)) {
      await this.#hold(slot, stored);
      const row = this.#row(slot);
      if (row && where(row)) slot.written = checked(stored, change(row));
    }
  }

  /** INSERT: waits for the end of another transaction that has inserted the same key, and then violates it or not. */
  async insert(table: string, rows: readonly MemoryRow[], onConflict?: 'do-nothing'): Promise<void> {
    const stored = this.#database.table(table);
    for (const row of rows) {
      const rival = await this.#rivalOf(stored, row);
      if (rival && onConflict === 'do-nothing') continue;
      if (rival) throw sqlError('23505', 'duplicate key value', stored.unique?.constraint);
      const slot = { committed: null, written: checked(stored, row), holder: this };
      stored.slots.push(slot);
      this.held.set(slot, stored);
    }
  }

  /** Lets others go on in the middle of a statement, which else runs in one go as far as it need not wait. */
  giveWay(): Promise<void> {
    return this.#database.turn(`${this.#name} goes on`);
  }

  #row({ committed, written, holder }: Slot): MemoryRow | null {
    return holder === this && written !== null ? written : committed;
  }

  #shown({ slots }: Stored, where: Where): Slot[] {
    return slots.filter((slot) => {
      const row = this.#row(slot);
      return row !== null && where(row);
    });
  }

  /** A row with the same key that is there to stay, once every other transaction that is inserting it has ended. */
  async #rivalOf({ unique, slots }: Stored, row: MemoryRow): Promise<Slot | undefined> {
    if (!unique) return undefined;
    const { column } = unique;
    for (;;) {
      const rival = slots.find(({ committed, written }) => (committed ?? written)?.[column] === row[column]);
      if (!rival || rival.committed !== null || rival.holder === this || rival.holder === null) return rival;
      await this.#waitFor(rival.holder);
    }
  }

  async #hold(slot: Slot, table: Stored): Promise<void> {
    while (slot.holder !== null && slot.holder !== this) await this.#waitFor(slot.holder);
    slot.holder = this;
    this.held.set(slot, table);
  }

  async #waitFor(other: MemoryTransaction): Promise<void> {
    for (let next: MemoryTransaction | null = other; next; next = next.#waitsFor) {
      if (next !== this) continue;
      this.#database.deadlocks += 1;
      throw sqlError('40P01', 'deadlock detected');
    }
    this.#waitsFor = other;
    this.#database.waits += 1;
    this.#database.waiting += 1;
    await new Promise<void>((resolve) => other.wakeUps.push(resolve));
    this.#database.waiting -= 1;
    this.#waitsFor = null;
    await this.giveWay();
  }
}

function checked({ check, name }: Stored, row: MemoryRow): MemoryRow {
  if (check && !check(row)) throw sqlError('23514', `new row of ${name} violates its check`);
  return row;
}
