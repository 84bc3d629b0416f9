import { describe, expect, it } from '@jest/globals';
import { EVENTS, STEP_TOPICS } from '@orderflow/shared-events/catalog';
import { decodeMessage } from '@orderflow/shared-events/envelope';
import { READERS, trailOf } from './order-trail.ts';

describe('the trail of a paid order', () => {
  const trail = trailOf({ orderId: 4711, userId: 42, productId: 7 });

  it('holds what the steps accept', () => {
    const decoded = trail.map(({ topic, key, value, headers }) => {
      const contract = EVENTS.find((event) => event.topic === topic);
      return (
        contract && decodeMessage(contract, { key: Buffer.from(key), value: Buffer.from(value), headers })
      );
    });
    expect(decoded.map((one) => one?.ok)).toEqual(trail.map(() => true));
  });

  it('is read as often as the catalog says, topic by topic', () => {
    const readersOf = (topic: string) =>
      Object.values(STEP_TOPICS).filter((topics) => (topics as readonly string[]).includes(topic)).length;
    expect(Object.entries(READERS)).toEqual(trail.map(({ topic }) => [topic, readersOf(topic)]));
  });
});
