import pg from 'pg';
import { parseAmount } from '@orderflow/shared-events/money';
import { SERVICE_NAMES, type ServiceName } from '../ports.ts';

/** One reader of the five databases. BIGINT comes back as number, DECIMAL as bigint minor units, DATE as text. */
export interface Books {
  query<Row extends object>(
    database: ServiceName,
    text: string,
    values?: readonly unknown[],
  ): Promise<readonly Row[]>;
  /**
   * Freezes each database for this reader, the order service's last: an effect that a participant shows then belongs
   * to an order that is shown too.
   */
  freeze(): Promise<void>;
  /** Ends the frozen view; queries see what is committed again. */
  thaw(): Promise<void>;
  close(): Promise<void>;
}

const INT8 = 20;
const NUMERIC = 1700;
const DATE = 1082;

/** By any oid; pg's own type names its built-in ones only. */
const inherited = pg.types as unknown as {
  getTypeParser(oid: number, format?: string): (text: string) => unknown;
};

const parsers = {
  getTypeParser(oid: number, format?: string): (text: string) => unknown {
    if (oid === INT8) return Number;
    if (oid === NUMERIC) return parseAmount;
    if (oid === DATE) return (text) => text;
    return inherited.getTypeParser(oid, format);
  },
};

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'reconcile',
    connectionTimeoutMillis: 5000,
    // Millions of rows pass through; the books are read, never written.
    options: '-c default_transaction_read_only=on -c work_mem=64MB',
    types: parsers,
  });
  // A connection that breaks fails the query that is waiting; without a listener it would end the process.
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/**
 * Connects to the five databases, read-only.
 *
 * @throws the driver's error when one of them cannot be reached.
 */
export async function openBooks(urls: Readonly<Record<ServiceName, string>>): Promise<Books> {
  const clients = new Map<ServiceName, pg.Client>();
  const close = async () => {
    await Promise.allSettled([...clients.values()].map((client) => client.end()));
  };
  try {
    for (const service of SERVICE_NAMES) clients.set(service, await connect(urls[service]));
  } catch (error) {
    await close();
    throw error;
  }
  const clientOf = (service: ServiceName): pg.Client => {
    const client = clients.get(service);
    if (client === undefined) throw new Error(`no connection to the database of ${service}`);
    return client;
  };
  // One statement at a time a connection: the next waits for it here.
  const tails = new Map<ServiceName, Promise<unknown>>();
  const inTurn = <T>(service: ServiceName, work: () => Promise<T>): Promise<T> => {
    const turn = (tails.get(service) ?? Promise.resolve()).then(work);
    tails.set(
      service,
      turn.catch(() => undefined),
    );
    return turn;
  };
  const freezeOne = async (service: ServiceName) => {
    await clientOf(service).query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    // The snapshot is taken by the first statement, not by BEGIN.
    await clientOf(service).query('SELECT 1');
  };
  return {
    async query<Row extends object>(database: ServiceName, text: string, values: readonly unknown[] = []) {
      const { rows } = await inTurn(database, () => clientOf(database).query<Row>(text, [...values]));
      return rows;
    },
    async freeze() {
      await Promise.all(SERVICE_NAMES.filter((name) => name !== 'order').map(freezeOne));
      await freezeOne('order');
    },
    async thaw() {
      await Promise.all(SERVICE_NAMES.map((name) => clientOf(name).query('ROLLBACK')));
    },
    close,
  };
}
