import { hash } from 'node:crypto';
import { TOPICS } from '@orderflow/shared-events/catalog';
import type { TopicEvents, TopicReader } from './topic-events.ts';

/** What the exact books say was published, by topic: the orders. Each event's value is `{}`, as in ORDER_EVENTS. */
const EXACT: Readonly<Record<string, readonly number[]>> = {
  'order-created': [10, 11, 12, 13, 14],
  'order-paid': [10, 11, 12],
  'order-cancelled': [12, 13, 14],
  'stock-reserved': [10, 11, 12, 13],
  'stock-rejected': [14],
  'stock-released': [12, 13],
  'coupon-applied': [10, 11, 12, 13],
  'coupon-restored': [12, 13],
  'balance-charged': [10, 11, 12],
  'balance-rejected': [13],
  'balance-refunded': [12],
  'payment-completed': [10, 11, 12],
  'payment-refunded': [12],
};

/** How many events that are. */
export const EXACT_EVENTS = Object.values(EXACT).flat().length;

const digest = (value: string) => hash('md5', value) + hash('md5', 'key and headers');

/** The topics of the exact books after `faults`: lines of `lost <event id>`, `other <event id>`, `differing <event id>`. */
export function exactTopics(faults = ''): TopicReader {
  const done = (what: string, id: string) => faults.split('\n').includes(`${what} ${id}`);
  const events = ({ name }: { readonly name: string }): TopicEvents => {
    const ids = (EXACT[name] ?? []).map((order) => `${name}/${order}`).filter((id) => !done('lost', id));
    return {
      topic: name,
      digests: new Map(ids.map((id) => [id, digest(done('other', id) ? '{"other":true}' : '{}')])),
      differing: new Map(ids.filter((id) => done('differing', id)).map((id) => [id, '3/17'])),
    };
  };
  return {
    async *read() {
      for (const topic of TOPICS) yield await Promise.resolve(events(topic));
    },
  };
}
