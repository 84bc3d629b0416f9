import { describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { kafkaBrokers, redisUrl } from './backends.ts';
import { ownName, witnessBroker } from './topics.ts';

describe('the backends of a test run', () => {
  it('gives every suite the same Redis', async () => {
    const [url, again] = await Promise.all([redisUrl(), redisUrl()]);
    expect(again).toBe(url);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write('PING\r\n'));
      socket.once('error', reject).once('data', (data) => {
        socket.destroy();
        resolve(data.toString());
      });
    });
    expect(answer).toBe('+PONG\r\n');
  });

  it('gives every suite the same Kafka, which tells what is in a topic', async () => {
    const broker = await witnessBroker();
    try {
      expect(await kafkaBrokers()).toEqual(broker.brokers);
      const topic = ownName('backends-test');
      await broker.createTopics([topic], 2);
      expect(await broker.admin.fetchTopicOffsets(topic)).toHaveLength(2);
      expect(await broker.lag(ownName('nobody'), [topic])).toBe(0);
    } finally {
      await broker.close();
    }
  }, 120_000);
});
