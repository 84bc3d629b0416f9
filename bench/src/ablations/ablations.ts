import type { Patch } from '@orderflow/testing/patched-modules';

/**
 * One technique of the product taken away. The product has no switches for its techniques: what is not configuration
 * is replaced in its built modules while a service process loads them. It changes what an order costs, never what the
 * books say: an arm that runs without a technique is verified like any other.
 */
export interface Ablation {
  readonly name: string;
  /** One line for the report: how it is done instead. */
  readonly instead: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Words for Node that overrule the product's. */
  readonly nodeArgs?: readonly string[];
  readonly patches?: readonly Patch[];
}

const STEP_CONSUMER = 'packages/messaging/dist/step-consumer.js';
const DELIVER = 'packages/messaging/dist/deliver.js';
const RELAY = 'packages/messaging/dist/relay.js';
const OUTBOX = 'packages/messaging/dist/outbox.js';
const POSTGRES = 'packages/messaging/dist/postgres.js';
const MIGRATIONS = 'packages/service-runtime/dist/migrations.js';
const AUTH = 'packages/service-runtime/dist/auth.js';
const ORDER_OUTBOX = 'services/order/dist/store/outbox.js';
const COALESCE = 'packages/messaging/dist/coalesce.js';
const HTTP_APP = 'packages/service-runtime/dist/http-app.js';
const ORDER_SO_FAR = 'packages/shared-events/dist/order-so-far.js';
const CREATE_ORDER = 'services/order/dist/http/create-order.js';

/** The row of an append has one id a message, in their order: each becomes a row of its own for the relay. */
const ROW_PER_MESSAGE: Patch = {
  module: RELAY,
  find: 'handOver = (row) => {',
  replace: `handOver = (row) => {
        if (Array.isArray(row.id)) {
            row.id.forEach((id, index) => this.handOver({ id, messages: [row.messages[index]] }));
            return;
        }`,
};

/** A row that holds several messages keeps its one id. */
const ID_PER_MESSAGE: Patch = {
  module: OUTBOX,
  find: 'return onlyRow(sent.rows).id;',
  replace: `const ids = sent.rows.flatMap(({ id }) => id);
            return ids.length === messages.length ? ids : ids[0];`,
};

const ALL_OR_NONE = 'CASE WHEN count(*) = cardinality($1::bigint[]) THEN array_agg(e.id ORDER BY e.id) END';

const MESSAGE_IN_ORDER: Patch = {
  module: ORDER_OUTBOX,
  find: 'k (order_id, type, attempt)',
  replace: 'WITH ORDINALITY k (order_id, type, attempt, n)',
};

export const ABLATIONS: readonly Ablation[] = [
  {
    name: 'without-batches',
    instead: 'each step runs one message a transaction, the intake one request',
    patches: [
      { module: STEP_CONSUMER, find: 'const MAX_BATCH = 1_000;', replace: 'const MAX_BATCH = 1;' },
      { module: CREATE_ORDER, find: 'const MAX_BATCH = 500;', replace: 'const MAX_BATCH = 1;' },
    ],
  },
  {
    name: 'without-coalescing',
    instead: 'each request has a transaction of its own, as many at a time as the pool has connections',
    patches: [
      {
        module: CREATE_ORDER,
        find: 'const accept = coalesce({',
        // At most 64 wait for the pool's ten connections, so that none waits the 2 s after which it gives up. With
        // ten instead of 64 the steps hardly wait, run for single messages, and commit 3.0 times an order, not 1.7.
        replace: `const accept = ((options) => {
        const queues = Array.from({ length: 64 }, () => coalesce({ ...options, intervalMs: 0, maxBatch: 1 }));
        let turn = 0;
        return (request) => queues[turn++ % queues.length](request);
    })({`,
      },
    ],
  },
  {
    name: 'without-rest-after-commit',
    instead: 'the intake counts its 25 ms from the start of a commit, not from its end',
    patches: [
      {
        module: COALESCE,
        find: 'await settle(batch, options.run, 0);',
        replace: 'const start = performance.now(); await settle(batch, options.run, 0);',
      },
      { module: COALESCE, find: 'lastEnd = performance.now();', replace: 'lastEnd = start;' },
    ],
  },
  {
    name: 'without-direct-routes',
    instead: 'express sees every request, those of paths without parameters too',
    patches: [{ module: HTTP_APP, find: 'const answer = direct', replace: 'const answer = app ?? direct' }],
  },
  {
    name: 'without-pacing',
    instead: 'intake, order.advance and daily sales run as soon as there is anything to do',
    env: { INTAKE_INTERVAL_MS: '0', ADVANCE_INTERVAL_MS: '0', SALES_INTERVAL_MS: '0' },
  },
  {
    name: 'without-gc-settings',
    instead: "V8's own choice for the heap: small at first, the young generation too, and helper threads",
    nodeArgs: [
      '--initial-old-space-size=0',
      '--min-semi-space-size=0',
      '--max-semi-space-size=0',
      '--no-single-threaded-gc',
    ],
  },
  {
    name: 'without-amount-codec',
    instead: "amounts of events are read by zod's transform instead of its codec",
    patches: [
      {
        module: ORDER_SO_FAR,
        find: 'amountSchema = z.codec(z.string().regex(amountPattern), z.bigint(), {',
        replace: 'amountSchema = z.string().regex(amountPattern).transform(parseAmount);\n({',
      },
    ],
  },
  {
    name: 'without-record-codec',
    instead: "kafkajs' own record codec",
    env: { KAFKA_CODEC: 'kafkajs' },
  },
  {
    name: 'without-joined-sends',
    instead: 'the relay sends message by message, each acknowledged before the next',
    patches: [
      {
        module: RELAY,
        find: 'of parts(messages)) {',
        replace: 'of messages.map((message) => [message])) {',
      },
    ],
  },
  {
    name: 'without-lazy-deletes',
    instead: 'outbox rows are deleted right after each send',
    patches: [
      {
        module: RELAY,
        find: 'this.#acknowledged.push(...rows.map((row) => row.id));',
        replace: `this.#acknowledged.push(...rows.map((row) => row.id));
            await this.#deleteAcknowledged();`,
      },
    ],
  },
  {
    name: 'without-memory-hand-over',
    instead: 'only the poll publishes: every 50 ms, rows of any age',
    patches: [
      {
        module: RELAY,
        find: 'const MAX_QUEUED_MESSAGES = 20_000;',
        replace: 'const MAX_QUEUED_MESSAGES = 0;',
      },
      { module: RELAY, find: 'pollIntervalMs = 1_000', replace: 'pollIntervalMs = 50' },
      { module: OUTBOX, find: "- interval '1 second'", replace: '' },
      { module: ORDER_OUTBOX, find: "- interval '1 second'", replace: '' },
    ],
  },
  {
    name: 'without-one-outbox-row',
    instead: 'one outbox row an event instead of one a commit',
    patches: [
      ROW_PER_MESSAGE,
      { module: OUTBOX, find: 'VALUES ($1) RETURNING id', replace: 'SELECT unnest($1::text[]) RETURNING id' },
      {
        module: OUTBOX,
        find: 'JSON.stringify(messages)',
        replace: 'messages.map((message) => JSON.stringify([message]))',
      },
      ID_PER_MESSAGE,
      MESSAGE_IN_ORDER,
      { module: ORDER_OUTBOX, find: ALL_OR_NONE, replace: 'ARRAY[e.id]' },
      { module: ORDER_OUTBOX, find: 'RETURNING id', replace: 'ORDER BY k.n RETURNING id' },
    ],
  },
  {
    name: 'with-inbox',
    instead: "a row for each message in a table of those seen, in the step's transaction",
    patches: [
      {
        module: MIGRATIONS,
        find: 'await client.query(createTable);',
        replace: `await client.query(createTable);
        await client.query(\`CREATE TABLE IF NOT EXISTS inbox (step TEXT, event_id TEXT,
            received_at TIMESTAMPTZ NOT NULL DEFAULT now(), PRIMARY KEY (step, event_id))\`);`,
      },
      {
        module: DELIVER,
        find: 'const applied = applyStep({ step, outbox }, tx, now, events, state);',
        replace: `const { rows } = await tx.query(\`INSERT INTO inbox (step, event_id)
            SELECT $1, id FROM unnest($2::text[]) id ON CONFLICT DO NOTHING RETURNING event_id AS id\`,
            [step.name, events.map(({ id }) => id)]);
        const unseen = new Set(rows.map(({ id }) => id));
        const applied = applyStep({ step, outbox }, tx, now, events.filter(({ id }) => unseen.has(id)), state);`,
      },
    ],
  },
  {
    name: 'with-notify',
    instead: 'each commit that publishes says so with NOTIFY (nobody listens, so this is the least it costs)',
    patches: [OUTBOX, DELIVER].map((module) => ({
      module,
      find: 'outbox.append(tx, messages)',
      replace: `(tx.send("SELECT pg_notify('outbox', '')", []), outbox.append(tx, messages))`,
    })),
  },
  {
    name: 'without-pipelining',
    instead: 'each statement of a transaction waits for the answer to the one before',
    patches: [{ module: POSTGRES, find: 'pipeline: true', replace: 'pipeline: false' }],
  },
  {
    name: 'without-index-plans',
    instead: 'Postgres may plan sequential scans, which it does while tables are empty',
    patches: [{ module: POSTGRES, find: "'enable_seqscan=off'", replace: "'enable_seqscan=on'" }],
  },
  {
    name: 'without-joined-fetches',
    instead: 'each partition of a fetch has a transaction of its own, side by side',
    patches: [
      {
        module: STEP_CONSUMER,
        find: 'eachBatch: (payload) => this.#join(payload)',
        replace: `eachBatch: (payload) => this.#runJoined([{ payload }]).catch((error) => {
                if (!(error instanceof Abandoned)) throw asKafkaError(error);
            })`,
      },
    ],
  },
  {
    name: 'without-lazy-offsets',
    instead: 'offsets are committed after each batch',
    patches: [
      {
        module: STEP_CONSUMER,
        find: 'this.#resolveOffsets(batches, chunk.slice(0, done));',
        // `stop` commits what is resolved; all that it ends is the timer.
        replace: `this.#resolveOffsets(batches, chunk.slice(0, done));
            await this.#offsets.stop();`,
      },
    ],
  },
  {
    name: 'with-published-at',
    instead: 'order_events is updated with the time of publishing instead of a row that points to its events',
    patches: [
      {
        module: MIGRATIONS,
        find: 'return pending.map(',
        replace: `await client.query(\`DO $$ BEGIN
            IF to_regclass('order_events') IS NOT NULL THEN
                ALTER TABLE order_events ADD COLUMN IF NOT EXISTS published_at TIMESTAMPTZ;
                CREATE INDEX IF NOT EXISTS order_events_unpublished ON order_events (id)
                    WHERE published_at IS NULL AND topic IS NOT NULL;
                GRANT UPDATE ON order_events TO order_app;
            END IF; END $$\`);
        return pending.map(`,
      },
      ROW_PER_MESSAGE,
      ID_PER_MESSAGE,
      MESSAGE_IN_ORDER,
      { module: ORDER_OUTBOX, find: 'INSERT INTO outbox (event_ids)', replace: '' },
      { module: ORDER_OUTBOX, find: ALL_OR_NONE, replace: 'array_agg(e.id ORDER BY k.n) AS id' },
      { module: ORDER_OUTBOX, find: 'RETURNING id', replace: '' },
      {
        module: ORDER_OUTBOX,
        find: 'SELECT id, event_ids FROM outbox',
        replace: 'SELECT id, ARRAY[id] AS event_ids FROM order_events',
      },
      {
        module: ORDER_OUTBOX,
        find: 'WHERE created_at < now()',
        replace: 'WHERE published_at IS NULL AND topic IS NOT NULL AND created_at < now()',
      },
      {
        module: ORDER_OUTBOX,
        find: 'removeOutboxRows(tx, ids)',
        replace:
          "tx.query('UPDATE order_events SET published_at = now() WHERE id = ANY ($1::bigint[])', [ids])",
      },
    ],
  },
  {
    name: 'without-token-cache',
    instead: 'the signature of each token is checked at each request',
    patches: [{ module: AUTH, find: 'checked.get(authorization)', replace: 'undefined' }],
  },
];
