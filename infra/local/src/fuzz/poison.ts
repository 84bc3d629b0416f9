import kafkajs from 'kafkajs';

const { Kafka, logLevel } = kafkajs;

/** One message that no step can read, so that there are dead letters to ask for. */
export async function poisonTopic(brokers: readonly string[]): Promise<void> {
  const client = new Kafka({ clientId: 'orderflow-fuzz', brokers: [...brokers], logLevel: logLevel.NOTHING });
  const producer = client.producer();
  await producer.connect();
  await producer.send({ topic: 'order-created', messages: [{ key: '1', value: 'not JSON' }] });
  await producer.disconnect();
}
