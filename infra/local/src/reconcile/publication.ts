import { TOPICS } from '@orderflow/shared-events/catalog';
import { eventId } from '@orderflow/shared-events/contract';
import type { ServiceName } from '../ports.ts';
import type { Books } from './books.ts';
import type { Findings } from './invariants.ts';
import type { TopicEvents, TopicReader } from './topic-events.ts';

/**
 * The rows that stand for the events of a topic: `order_id`, `attempt`, `at` (when the row came to say so) and `digest`,
 * the MD5 of the event's value where the row knows it.
 */
interface Publication {
  readonly database: ServiceName;
  readonly rows: string;
}

const orderEvents = (topic: string): Publication => ({
  database: 'order',
  rows: `SELECT order_id, attempt, created_at AS at, md5(snapshot) AS digest FROM order_events WHERE topic = '${topic}'`,
});

/** What a step forward said: a participant's row of an order, while `where` tells it from the other answer. */
const forward = (database: ServiceName, fence: string, where: string): Publication => ({
  database,
  rows: `SELECT order_id, 0 AS attempt, created_at AS at, NULL::text AS digest FROM ${fence} f WHERE ${where}`,
});

/** The answer to the last round of undoing; the row keeps no earlier one. */
const undone = (database: ServiceName, fence: string): Publication => ({
  database,
  rows: `SELECT order_id, attempt, updated_at AS at, NULL::text AS digest FROM ${fence} WHERE status = 'undone'`,
});

const CHARGED = `EXISTS (SELECT FROM balance_records r WHERE r.order_id = f.order_id AND r.type = 'CHARGE')`;
const PAID = `EXISTS (SELECT FROM payments p WHERE p.order_id = f.order_id AND p.kind = 'PAYMENT')`;

/**
 * By topic. A row that was undone still tells what it had been by what it holds, which a tombstone does not: the items of
 * a reservation, discount or refusal, the ledger's row. A rejected reservation holds nothing: undone, it tells no more.
 */
const PUBLICATIONS: Readonly<Record<string, Publication>> = {
  'order-created': orderEvents('order-created'),
  'order-paid': orderEvents('order-paid'),
  'order-cancelling': orderEvents('order-cancelling'),
  'order-cancelled': orderEvents('order-cancelled'),
  'stock-reserved': forward('product', 'stock_reservations', 'items IS NOT NULL'),
  'stock-rejected': forward('product', 'stock_reservations', `status = 'rejected'`),
  'stock-released': undone('product', 'stock_reservations'),
  'coupon-applied': forward('coupon', 'coupon_applications', 'discount_amount IS NOT NULL'),
  'coupon-rejected': forward('coupon', 'coupon_applications', 'refusal IS NOT NULL'),
  'coupon-restored': undone('coupon', 'coupon_applications'),
  'balance-charged': forward('user-balance', 'order_charges', `status = 'done' OR ${CHARGED}`),
  'balance-rejected': forward(
    'user-balance',
    'order_charges',
    `status <> 'done' AND amount IS NOT NULL AND NOT ${CHARGED}`,
  ),
  'balance-refunded': undone('user-balance', 'order_charges'),
  'payment-completed': forward('payment', 'payment_attempts', `status = 'done' OR ${PAID}`),
  'payment-rejected': forward(
    'payment',
    'payment_attempts',
    `status <> 'done' AND amount IS NOT NULL AND NOT ${PAID}`,
  ),
  'payment-refunded': undone('payment', 'payment_attempts'),
};

interface PublishedRow {
  readonly orderId: number;
  readonly attempt: number;
  readonly digest: string | null;
}

const ROWS_A_PAGE = 20_000;
/** A topic keeps a message for its retention from when it came, which is after its row; clocks may differ by this. */
const CLOCKS_S = 60 * 60;

async function* readRows(
  books: Books,
  { database, rows }: Publication,
  keptMs: number,
): AsyncGenerator<readonly PublishedRow[]> {
  let last: Pick<PublishedRow, 'orderId' | 'attempt'> = { orderId: 0, attempt: 0 };
  for (;;) {
    const page: readonly PublishedRow[] = await books.query<PublishedRow>(
      database,
      `SELECT order_id AS "orderId", attempt, digest FROM (${rows}) r
        WHERE at > now() - make_interval(secs => $1) AND (order_id, attempt) > ($2, $3)
        ORDER BY order_id, attempt LIMIT ${ROWS_A_PAGE}`,
      [keptMs / 1000 - CLOCKS_S, last.orderId, last.attempt],
    );
    if (page.length > 0) yield page;
    const end = page.at(-1);
    if (end === undefined || page.length < ROWS_A_PAGE) return;
    last = end;
  }
}

async function checkTopic(books: Books, found: TopicEvents, findings: Findings): Promise<void> {
  const { topic, digests, differing } = found;
  const publication = PUBLICATIONS[topic];
  const definition = TOPICS.find(({ name }) => name === topic);
  if (!publication || !definition) throw new Error(`no rows are known to stand for the events of ${topic}`);
  const complain = (id: string, problem: string, rows: Record<string, unknown>) =>
    findings.violated('I8', { subject: `event ${id}`, problem, rows });
  for await (const page of readRows(books, publication, definition.retentionMs)) {
    findings.checked('I8', 'events', page.length);
    for (const row of page) {
      const id = eventId({ topic }, row);
      const digest = digests.get(id);
      const rows = { [publication.database]: row };
      if (digest === undefined) complain(id, 'its row is there, and it never reached its topic', rows);
      else if (!digest.startsWith(row.digest ?? '')) {
        complain(id, 'its topic holds other bytes than its row', {
          ...rows,
          topic: { md5: digest.slice(0, 32) },
        });
      }
    }
  }
  for (const [id, place] of differing) {
    complain(id, 'its copies are not the same byte for byte', { 'another copy': `${topic}/${place}` });
  }
}

/**
 * I8: every event that a row stands for is in its topic, with the row's bytes, and nothing else is there under its id.
 * Rows whose message the topic need not keep any more are left out.
 * @throws Error when a topic cannot be read to its end
 */
export async function checkPublication(books: Books, topics: TopicReader, findings: Findings): Promise<void> {
  findings.checked('I8', 'events', 0);
  for await (const found of topics.read()) await checkTopic(books, found, findings);
}
