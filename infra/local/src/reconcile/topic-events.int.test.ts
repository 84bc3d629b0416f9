import { hash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TOPICS, type TopicDefinition } from '@orderflow/shared-events/catalog';
import { orderCancelling, orderCreated, toMessage } from '@orderflow/testing/events';
import { withSnappy } from '@orderflow/testing/snappy';
import { ownName, witnessBroker, type BrokerWitness } from '@orderflow/testing/topics';
import kafkajs, { type Message, type Producer } from 'kafkajs';
import { topicReader, type TopicEvents } from './topic-events.ts';

const { CompressionTypes, Kafka, logLevel } = kafkajs;

let broker: BrokerWitness;
let producer: Producer;

/** Topics of the catalog, each under a name that no other suite has. */
async function ownTopics(...names: readonly string[]): Promise<TopicDefinition[]> {
  const own = TOPICS.filter(({ name }) => names.includes(name)).map((topic) => ({
    ...topic,
    name: ownName(topic.name),
  }));
  await broker.createTopics(own.map(({ name }) => name));
  return own;
}

const send = (topic: TopicDefinition, messages: Message[], compression = CompressionTypes.None) =>
  producer.send({ topic: topic.name, acks: -1, messages, compression });

async function read(topics: readonly TopicDefinition[]): Promise<TopicEvents[]> {
  const found = [];
  for await (const events of topicReader(broker.brokers, topics).read()) found.push(events);
  return found;
}

const created = (orderId: number, userId = 1): Message => toMessage(orderCreated({ orderId, userId }));
const md5 = ({ value }: Message) => hash('md5', value ?? '');

beforeAll(async () => {
  broker = await witnessBroker();
  const client = new Kafka({ clientId: 'tests', brokers: [...broker.brokers], logLevel: logLevel.NOTHING });
  producer = client.producer({ allowAutoTopicCreation: false });
  await producer.connect();
}, 60_000);

afterAll(async () => {
  await producer.disconnect();
  await broker.close();
});

describe('reading the topics', () => {
  it('finds every event of every partition, topic by topic, each with the digest of its value', async () => {
    const topics = await ownTopics('order-created', 'order-paid', 'order-cancelling');
    const [first, , last] = topics as [TopicDefinition, TopicDefinition, TopicDefinition];
    const orders = Array.from({ length: 500 }, (_, index) => created(index + 1));
    await send(first, orders);
    await send(last, [toMessage(orderCancelling({ orderId: 7, attempt: 2 }))]);
    const found = await read(topics);
    expect(found.map(({ topic, digests }) => [topic, digests.size])).toEqual([
      ['order-created', 500],
      ['order-paid', 0],
      ['order-cancelling', 1],
    ]);
    for (const order of orders) {
      expect(found[0]!.digests.get(`order-created/${String(order.key)}`)).toMatch(md5(order));
    }
    expect([...found[2]!.digests.keys()]).toEqual(['order-cancelling/7/2']);
  });

  it('takes a copy that is the same for no other, and names one that differs in a byte or a header', async () => {
    const [topic] = (await ownTopics('order-created')) as [TopicDefinition];
    const again = { ...created(3), headers: { ...created(3).headers, ce_source: '/somebody/else' } };
    await send(
      topic,
      [1, 2, 3].map((orderId) => created(orderId)),
    );
    await send(topic, [created(1), created(2, 9), again]);
    const [events] = await read([topic]);
    expect(events!.digests.get('order-created/2')).toMatch(md5(created(2)));
    expect([...events!.differing.keys()].sort()).toEqual(['order-created/2', 'order-created/3']);
    expect(events!.differing.get('order-created/2')).toMatch(/^[0-5]\/\d+$/);
  });

  it('reads each version that the topic may hold', async () => {
    const [topic] = (await ownTopics('order-created')) as [TopicDefinition];
    const second = { ...topic.event, version: 2 };
    await send(topic, [created(1), toMessage(orderCreated({ orderId: 2 }), second)]);
    const ids = async (versions: TopicDefinition['versions']) =>
      (await read([{ ...topic, versions }])).flatMap(({ digests }) => [...digests.keys()].sort());
    expect(await ids([topic.event, second])).toEqual(['order-created/1', 'order-created/2']);
    expect(await ids([topic.event])).toEqual(['order-created/1']);
  });

  it('passes over what is no event: poison, and batches that cannot be unpacked, with what follows them', async () => {
    const [topic] = (await ownTopics('order-created')) as [TopicDefinition];
    const one = { ...created(1), partition: 0 };
    const poison: Message[] = [
      { ...one, value: null },
      { ...one, value: '{bad' },
      { ...one, key: '2' },
      { ...one, headers: {} },
    ];
    await send(topic, poison);
    const unreadable = [1, 2, 3].map((orderId) => ({ ...created(orderId), partition: 0 }));
    await withSnappy(() => send(topic, unreadable, CompressionTypes.Snappy));
    await send(topic, [one], CompressionTypes.GZIP);
    const [events] = await read([topic]);
    expect([...events!.digests.keys()]).toEqual(['order-created/1']);
    expect(events!.digests.get('order-created/1')).toMatch(md5(one));
    expect(events!.differing.size).toBe(0);
  });
});
