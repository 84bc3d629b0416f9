import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { SERVICE_NAMES } from '@orderflow/local/ports';
import { TOPICS, type TopicDefinition } from '@orderflow/shared-events/catalog';
import { wireType } from '@orderflow/shared-events/contract';
import { waitUntil } from '@orderflow/testing/wait-until';
import { expectExactBooks } from './exactness.ts';
import { buy, ending, newProduct, newUser, place } from './people.ts';
import type { RunningStack } from '@orderflow/testing/running-stack';
import { publish } from './topics.ts';

/** The example of the topic's event that consumers are given: good bytes, as far as they go. */
function goodValue({ event }: TopicDefinition): Buffer {
  const golden = new URL(`../../packages/shared-events/golden/${wireType(event)}.json`, import.meta.url);
  const { data } = JSON.parse(readFileSync(golden, 'utf8')) as { data: object };
  return Buffer.from(JSON.stringify(data));
}

interface Garbage {
  readonly reason: string;
  readonly value: (topic: TopicDefinition) => Buffer | null;
  readonly type: (topic: TopicDefinition) => string;
}

const ownType = ({ event }: TopicDefinition) => wireType(event);
const bytes = (text: string) => () => Buffer.from(text, 'latin1');

/** Each topic gets one of each; of UNKNOWN_VERSION a step may see 20 a minute before it calls that a bad release. */
const GARBAGE: readonly Garbage[] = [
  { reason: 'UNPARSEABLE', value: bytes('{"orderId": 1,'), type: ownType },
  { reason: 'UNPARSEABLE', value: () => null, type: ownType },
  { reason: 'UNPARSEABLE', value: bytes('\xff\xfe\x00'), type: ownType },
  { reason: 'SCHEMA', value: bytes('{"orderId": "one", "items": 3}'), type: ownType },
  { reason: 'SCHEMA', value: bytes('[]'), type: ownType },
  { reason: 'UNKNOWN_VERSION', value: goodValue, type: ({ event }) => `${event.type}.v99` },
  { reason: 'UNKNOWN_TYPE', value: goodValue, type: () => 'weather.changed.v1' },
  // Its key is not the order's id.
  { reason: 'KEY_MISMATCH', value: goodValue, type: ownType },
];

async function deadLetters(stack: RunningStack): Promise<string[]> {
  const found: string[] = [];
  for (const service of SERVICE_NAMES) {
    const rows = await stack.sql<{ place: string }>(
      service,
      `SELECT step || ' ' || topic || '/' || partition || '/' || "offset" || ' ' || reason AS place
         FROM dead_letters WHERE closed_at IS NULL`,
    );
    found.push(...rows.map(({ place }) => place));
  }
  return found.sort();
}

/** Wrong bytes from anyone. */
export function describePoison(stack: () => RunningStack): void {
  describe('garbage on every topic', () => {
    it('is parked once a step with its reason, while orders go on', async () => {
      const [user, product, before] = await Promise.all([
        newUser(stack(), '1000.00'),
        newProduct(stack()),
        deadLetters(stack()),
      ]);
      const records = TOPICS.flatMap((topic) =>
        GARBAGE.map(({ value, type }, index) => ({
          topic: topic.name,
          key: Buffer.from(`garbage-${index}`),
          value: value(topic),
          headers: { ce_type: type(topic) },
        })),
      );
      const flowing = Promise.all(
        Array.from({ length: 20 }, async () => ending(user, await place(user, buy(product)))),
      );
      const places = await publish(stack(), records);
      const expected = TOPICS.flatMap(({ name, consumers }) =>
        places
          .filter(({ topic }) => topic === name)
          .flatMap(({ topic, partition, offset }, index) =>
            consumers.map((step) => `${step} ${topic}/${partition}/${offset} ${GARBAGE[index]!.reason}`),
          ),
      );
      const all = [...before, ...expected].sort();
      await waitUntil(async () => (await deadLetters(stack())).length >= all.length, {
        what: 'all dead letters',
        timeoutMs: 30_000,
      });
      expect(await deadLetters(stack())).toEqual(all);
      expect((await flowing).map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 'PAID'));
      expect(await ending(user, await place(user, buy(product)))).toMatchObject({ status: 'PAID' });
      await expectExactBooks(stack(), all.length);
    }, 120_000);
  });
}
