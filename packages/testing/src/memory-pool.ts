import { EventEmitter } from 'node:events';
import { MemoryTransaction, sqlError, type MemoryDatabase } from './memory-database.ts';
import type { ConnectionPool } from './watched-pool.ts';

/** What a statement does, with its parameters as they travel. */
export type Statement = (
  transaction: MemoryTransaction,
  values: readonly unknown[],
) => readonly object[] | Promise<readonly object[]>;

/** Statements by their text; white space may differ. A text that is not there ends the run: it was changed, or is new. */
export type StatementBook = ReadonlyMap<string, Statement>;

export function statementBook(statements: Readonly<Record<string, Statement>>): StatementBook {
  return new Map(Object.entries(statements).map(([text, run]) => [squeezed(text), run]));
}

const squeezedTexts = new Map<string, string>();

function squeezed(text: string): string {
  let known = squeezedTexts.get(text);
  if (known === undefined) squeezedTexts.set(text, (known = text.replaceAll(/\s+/g, ' ').trim()));
  return known;
}

/** The elements of an array parameter as the kit writes it: `{1,2}`, `{"a","b\"c",NULL}`. */
export function elementsOf(value: unknown): (string | null)[] {
  if (Array.isArray(value)) return value.map(String);
  const elements = String(value)
    .slice(1, -1)
    .matchAll(/"((?:[^"\\]|\\.)*)"|[^,]+/g);
  return [...elements].map(([whole, quoted]) => {
    if (quoted !== undefined) return quoted.replaceAll(/\\(.)/g, '$1');
    return whole === 'NULL' ? null : whole;
  });
}

/** How a connection ends before its time. */
export interface Crash {
  /** The how-manieth connection of the pool, and which of its statements; BEGIN is not counted. */
  readonly connection: number;
  readonly statement: number;
  /**
   * `killed`: the server ends the session, and rolls back. `cut`: the client hears nothing more, while the server goes
   * on with what it has been sent, COMMIT included.
   */
  readonly how: 'killed' | 'cut';
}

export interface MemoryPoolOptions {
  readonly database: MemoryDatabase;
  readonly statements: StatementBook;
  readonly crashes: readonly Crash[];
  /** Waited for before each statement that may wait for others or show them something. */
  readonly turn: (label: string) => Promise<void>;
  /** A fault of the test, not of what is tested: a statement that nobody knows. */
  readonly onFault: (fault: Error) => void;
}

/** Connections of a `MemoryDatabase`, as far as the kit uses pg's: pipelined statements, BEGIN, COMMIT, ROLLBACK. */
export class MemoryPool {
  readonly #options: MemoryPoolOptions;
  #opened = 0;
  /** Connections that were taken and not given back. */
  taken = 0;

  constructor(options: MemoryPoolOptions) {
    this.#options = options;
  }

  /** The pool as a consumer sees it. @param name shown with each of its statements */
  of(name: string): ConnectionPool {
    return {
      connect: () => {
        this.taken += 1;
        const connection = this.#opened++;
        const crash = this.#options.crashes.find((planned) => planned.connection === connection);
        const session = new Session(this.#options, name, crash, () => (this.taken -= 1));
        return Promise.resolve(session as unknown as Awaited<ReturnType<ConnectionPool['connect']>>);
      },
    };
  }
}

interface Asked {
  readonly text: string;
  readonly values: readonly unknown[];
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** These follow the lock on the rows that they change, or change what nobody else looks at, and travel in one go. */
const UNSEEN = /^(UPDATE|INSERT INTO outbox) /;

/** The time by this database's clock. */
const NOW = new Date('2026-01-01T00:00:00.000Z');

/** One connection and the server's session behind it. */
class Session extends EventEmitter {
  readonly #options: MemoryPoolOptions;
  readonly #name: string;
  readonly #crash: Crash | undefined;
  readonly #onRelease: () => void;
  readonly #queue: Asked[] = [];
  #transaction: MemoryTransaction | null = null;
  #statements = 0;
  #busy = false;
  #gone = false;
  readonly connection = { stream: { cork: () => undefined, uncork: () => undefined } };

  constructor(options: MemoryPoolOptions, name: string, crash: Crash | undefined, onRelease: () => void) {
    super();
    this.#options = options;
    this.#name = name;
    this.#crash = crash;
    this.#onRelease = onRelease;
  }

  query(query: string | { text: string; values: readonly unknown[] }): Promise<unknown> {
    if (this.#gone) return Promise.reject(connectionReset());
    const { text, values } = typeof query === 'string' ? { text: query, values: [] } : query;
    const answer = new Promise((resolve, reject) => this.#queue.push({ text, values, resolve, reject }));
    if (!this.#busy) void this.#serve();
    return answer;
  }

  /** A connection that is thrown away is closed: what it has been sent is still done, and then rolled back. */
  release(destroy?: boolean): void {
    this.#onRelease();
    if (destroy && !this.#gone) this.#lose();
  }

  async #serve(): Promise<void> {
    this.#busy = true;
    for (let asked = this.#queue[0]; asked; asked = this.#queue[0]) {
      await this.#run(asked);
      this.#queue.shift();
    }
    this.#busy = false;
    if (this.#gone) this.#end('rollback');
  }

  async #run(asked: Asked): Promise<void> {
    const { text, resolve, reject } = asked;
    if (text.startsWith('BEGIN')) {
      this.#transaction = new MemoryTransaction(this.#options.database, this.#name);
      return resolve([{}, { rows: [{ now: NOW }] }]);
    }
    if (!UNSEEN.test(text)) await this.#options.turn(`${this.#name} ${squeezed(text).slice(0, 48)}`);
    const crashes = this.#crash?.statement === this.#statements;
    this.#statements += 1;
    if (crashes && this.#crash?.how === 'killed') return this.#die();
    const settle = await this.#answer(asked).then(
      (answer) => () => resolve(answer),
      (error: unknown) => () => reject(error as Error),
    );
    if (crashes) this.#lose();
    settle();
  }

  async #answer({ text, values }: Asked): Promise<unknown> {
    const transaction = this.#transaction;
    if (text === 'ROLLBACK' || transaction === null) {
      this.#end('rollback');
      return { command: 'ROLLBACK' };
    }
    if (text === 'COMMIT') {
      const how = transaction.failed ? 'rollback' : 'commit';
      this.#end(how);
      return { command: how.toUpperCase() };
    }
    if (transaction.failed) throw sqlError('25P02', 'current transaction is aborted');
    const run = this.#options.statements.get(squeezed(text));
    if (!run) this.#options.onFault(new Error(`the store in memory does not know this statement: ${text}`));
    try {
      return { rows: (await run?.(transaction, values)) ?? [] };
    } catch (error) {
      transaction.failed = true;
      throw error;
    }
  }

  #end(how: 'commit' | 'rollback'): void {
    if (this.#transaction) this.#options.database.end(this.#transaction, how);
    this.#transaction = null;
  }

  #die(): void {
    this.#end('rollback');
    this.#lose();
    this.#queue.splice(1);
  }

  /** The client hears no more of this connection. */
  #lose(): void {
    this.#gone = true;
    for (const { reject } of this.#queue) reject(connectionReset());
    if (this.listenerCount('error') > 0) this.emit('error', connectionReset());
    if (!this.#busy) this.#end('rollback');
  }
}

function connectionReset(): Error {
  return Object.assign(new Error('connection reset'), { code: 'ECONNRESET' });
}
