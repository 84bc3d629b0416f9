import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cancelOrder } from '@orderflow/local/demo/orders';
import { TOPICS, type TopicDefinition } from '@orderflow/shared-events/catalog';
import { waitUntil } from '@orderflow/testing/wait-until';
import { harmlessVariants, unknownOrders, type HarmlessMessage } from '../bad-input/harmless-messages.ts';
import { badMessages } from '../bad-input/message-cases.ts';
import { forgetLetters, lastLetters, letterOf, lettersSince } from './dead-letters.ts';
import { digestTables, expectExactBooks, expectForged } from './exactness.ts';
import { buy, ending, newProduct, newUser, place } from './people.ts';
import { publishBatches, type Batched } from './publisher.ts';
import type { RunningStack } from '@orderflow/testing/running-stack';
import { countRecords, readEverything, type StoredRecord } from './topics.ts';
import { sendTraffic } from './traffic.ts';

interface BadRecord extends Batched {
  readonly name: string;
  readonly reason: string;
}

/** The corpus of each topic, over its partitions in turn; every second batch in gzip, which every consumer reads. */
const CORPUS: readonly BadRecord[] = TOPICS.flatMap((topic) => {
  const messages = badMessages(topic).map((message, index): BadRecord => {
    const place = { topic: topic.name, partition: index % topic.partitions };
    const zipped = Math.floor(index / topic.partitions) % 2 === 1;
    return { ...message, ...place, ...(zipped ? { compression: 'gzip' } : {}) };
  });
  // Of a codec that consumers do not have nothing can be read, not even the key.
  const snappy: BadRecord = {
    topic: topic.name,
    partition: 0,
    name: `${topic.name}: in snappy`,
    reason: 'UNSUPPORTED_COMPRESSION',
    key: Buffer.from('1'),
    value: Buffer.from('unreadable'),
    headers: {},
    compression: 'snappy',
  };
  return [...messages, snappy];
});

const consumersOf = new Map(TOPICS.map(({ name, consumers }) => [name, consumers]));

/** What must be parked when these records lie at these offsets: one dead letter a reading step. */
function expectedLetters(records: readonly BadRecord[], offsets: readonly string[]): string[] {
  return records.flatMap(({ topic, partition, reason }, index) =>
    (consumersOf.get(topic) ?? []).map((step) =>
      letterOf(step, topic, partition, offsets[index] ?? '', reason),
    ),
  );
}

type Named = Batched & { readonly name: string };

/** Those of `letters` that `known` lacks, each with the name of its case. */
function lettersBeyond(
  letters: readonly string[],
  known: readonly string[],
  names: ReadonlyMap<string, string>,
) {
  const seen = new Set(known);
  return letters
    .filter((letter) => !seen.has(letter))
    .map((letter) => `${letter}: ${names.get(letter.split(' ')[1] ?? '') ?? 'nothing that was sent'}`);
}

function namesByPlace(records: readonly Named[], offsets: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    records.map(({ topic, partition, name }, index) => [`${topic}/${partition}/${offsets[index]}`, name]),
  );
}

/** Sends bad records and compares what is parked with what must be, one to one. */
async function expectParked(stack: RunningStack, records: readonly BadRecord[]): Promise<void> {
  const since = await lastLetters(stack);
  const offsets = await publishBatches(stack, records);
  const expected = expectedLetters(records, offsets);
  const all = async () => (await lettersSince(stack, since)).length >= expected.length;
  await waitUntil(all, { what: `${expected.length} dead letters`, timeoutMs: 60_000, intervalMs: 200 });
  const letters = await lettersSince(stack, since);
  const names = namesByPlace(records, offsets);
  const missing = lettersBeyond(expected, letters, names);
  expect({ missing, unexpected: lettersBeyond(letters, expected, names) }).toEqual({
    missing: [],
    unexpected: [],
  });
  expect(letters).toHaveLength(expected.length);
}

/** Each topic's last message of an order that is over, as it was published. */
async function finishedMessages(stack: RunningStack): Promise<Map<string, StoredRecord>> {
  const { placed } = await sendTraffic(stack, 40);
  await Promise.all(placed.filter(({ scenario }) => scenario === 'refunded').map(cancelOrder));
  await expectExactBooks(stack);
  const keys = new Set(placed.map(({ id }) => String(id)));
  const records = await readEverything(stack);
  return new Map(
    records
      .filter(({ key }) => key !== null && keys.has(String(key)))
      .map((record) => [record.topic, record]),
  );
}

const asText = (headers: StoredRecord['headers']): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));

/** Everything that must change nothing: variants of a finished order's messages, and orders that never were. */
function harmlessRecords(topic: TopicDefinition, finished: StoredRecord): Named[] {
  const published = {
    key: String(finished.key),
    headers: asText(finished.headers),
    data: JSON.parse(String(finished.value)) as Record<string, unknown>,
  };
  const at = (partition: number) => (message: HarmlessMessage, index: number) => ({
    ...message,
    topic: topic.name,
    partition,
    ...(index % 2 === 1 ? { compression: 'gzip' as const } : {}),
  });
  return [...harmlessVariants(published).map(at(finished.partition)), ...unknownOrders(topic).map(at(0))];
}

/** Bad bytes from anyone on every topic, and messages that look wrong and are not. */
export function describeBadMessages(stack: () => RunningStack): void {
  describe('bad messages', () => {
    let before: ReadonlyMap<string, string>;

    beforeAll(async () => {
      before = await lastLetters(stack());
    });

    afterAll(() => forgetLetters(stack(), before));

    it('only at first sight (fields nobody knows, other bodies under a known id, orders that never were) change nothing and are not parked', async () => {
      const finished = await finishedMessages(stack());
      expect([...finished.keys()].sort()).toEqual(TOPICS.map(({ name }) => name).sort());
      const records = TOPICS.flatMap((topic) =>
        harmlessRecords(topic, finished.get(topic.name) as StoredRecord),
      );
      const since = await lastLetters(stack());
      const [tables, counts] = [await digestTables(stack()), await countRecords(stack())];
      const offsets = await publishBatches(stack(), records);
      expectForged(
        stack(),
        [...finished.values()].map(({ headers }) => asText(headers)['ce_id'] ?? ''),
      );
      await expectExactBooks(stack());
      const letters = await lettersSince(stack(), since);
      expect(lettersBeyond(letters, [], namesByPlace(records, offsets))).toEqual([]);
      expect(await digestTables(stack())).toEqual(tables);
      // Nobody answered: the topics hold what this test has sent, and no more.
      const sent = (name: string) => records.filter(({ topic }) => topic === name).length;
      const expected = Object.entries(counts).map(([name, count]) => [name, count + sent(name)]);
      expect(await countRecords(stack())).toEqual(Object.fromEntries(expected));
    }, 180_000);

    it(`(${CORPUS.length} on ${TOPICS.length} topics) are parked, each once a step with its reason, and change no row`, async () => {
      await expectExactBooks(stack());
      const tables = await digestTables(stack());
      await expectParked(stack(), CORPUS);
      await expectExactBooks(stack());
      expect(await digestTables(stack())).toEqual(tables);
    }, 180_000);

    it('hold up nobody: orders placed among them are paid within seconds', async () => {
      const [user, product] = await Promise.all([newUser(stack(), '1000.00'), newProduct(stack())]);
      const some = CORPUS.filter((_, index) => index % 10 === 0);
      const parked = expectParked(stack(), some);
      const waits = Array.from({ length: 30 }, async () => {
        const startedAt = performance.now();
        const { status } = await ending(user, await place(user, buy(product)));
        return { status, ms: Math.round(performance.now() - startedAt) };
      });
      const orders = await Promise.all(waits);
      await parked;
      expect(orders.filter(({ status }) => status !== 'PAID')).toEqual([]);
      // A second is what it takes on a machine that does nothing else.
      expect(Math.max(...orders.map(({ ms }) => ms))).toBeLessThan(10_000);
      await expectExactBooks(stack());
    }, 120_000);
  });
}
