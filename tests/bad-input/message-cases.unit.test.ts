import { describe, expect, it } from '@jest/globals';
import { TOPICS } from '@orderflow/shared-events/catalog';
import { decodeMessage } from '@orderflow/shared-events/envelope';
import { harmlessVariants, unknownOrders } from './harmless-messages.ts';
import { badMessages, fingerprint, goldenOf } from './message-cases.ts';

const NOTHING_OF_UNKNOWN = [
  'order-created',
  'stock-reserved',
  'coupon-applied',
  'balance-charged',
  'order-paid',
];

describe.each(TOPICS.map((topic) => [topic.name, topic, badMessages(topic)] as const))(
  '%s',
  (_name, topic, messages) => {
    it(`has ${messages.length} bad messages, no two alike, each refused with the reason its fixture names`, () => {
      expect(messages.length).toBeGreaterThanOrEqual(150);
      expect(new Set(messages.map(fingerprint)).size).toBe(messages.length);
      const wrong = messages.flatMap((message) => {
        const decoded = decodeMessage(topic.event, message);
        const got = decoded.ok ? 'taken in' : decoded.reason;
        return got === message.reason ? [] : [`${message.name}: ${got}, not ${message.reason}`];
      });
      expect(wrong).toEqual([]);
    });

    it('has harmless ones, each taken in under the id of its order', () => {
      const variants = harmlessVariants(goldenOf(topic));
      const strangers = unknownOrders(topic);
      expect(variants.length).toBeGreaterThanOrEqual(70);
      expect(strangers).toHaveLength(NOTHING_OF_UNKNOWN.includes(topic.name) ? 0 : 10);
      expect(new Set(variants.map(fingerprint)).size).toBe(variants.length);
      const wrong = [...variants, ...strangers].flatMap(({ name, ...message }) => {
        const decoded = decodeMessage(topic.event, message);
        if (!decoded.ok) return [`${name}: ${decoded.reason} ${decoded.error}`];
        const id = `${topic.name}/${String(message.key)}`;
        return decoded.event.id === id || decoded.event.id.startsWith(`${id}/`)
          ? []
          : [`${name}: ${decoded.event.id}`];
      });
      expect(wrong).toEqual([]);
    });
  },
);
