import { withSnappy } from '@orderflow/testing/snappy';
import kafkajs, { type Message, type Producer } from 'kafkajs';
import type { RunningStack } from '@orderflow/testing/running-stack';
import type { StoredRecord } from './topics.ts';

const { Kafka, logLevel, CompressionTypes } = kafkajs;

/** A record with the partition it is for, and the codec its batch is written in; none by default. */
export interface Batched extends Pick<StoredRecord, 'topic' | 'partition' | 'key' | 'value'> {
  readonly headers: Readonly<Record<string, Buffer | Buffer[]>>;
  readonly compression?: 'gzip' | 'snappy';
}

/** The broker takes 1 MB a batch; a larger record travels alone. */
const BATCH_BYTES = 500_000;

/** Sends records in large batches, in their order within each partition. Returns the offset of each, in their order. */
export async function publishBatches(stack: RunningStack, records: readonly Batched[]): Promise<string[]> {
  const brokers = [...stack.current().kafka.brokers];
  const client = new Kafka({ clientId: 'e2e', brokers, logLevel: logLevel.NOTHING });
  const producer = client.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  try {
    const offsets: string[] = [];
    for (const batch of batchesOf(records)) {
      const first = await sendBatch(
        producer,
        batch.map((index) => records[index] as Batched),
      );
      for (const [place, index] of batch.entries()) offsets[index] = String(first + BigInt(place));
    }
    return offsets;
  } finally {
    await producer.disconnect();
  }
}

/** Indexes of records that go together: one topic, one partition, one codec. */
function batchesOf(records: readonly Batched[]): number[][] {
  const open = new Map<string, { indexes: number[]; bytes: number }>();
  const batches: number[][] = [];
  for (const [index, { topic, partition, compression = 'none', value }] of records.entries()) {
    const place = `${topic}/${partition}/${compression}`;
    const bytes = (value?.length ?? 0) + 500;
    const batch = open.get(place);
    if (batch && batch.bytes + bytes <= BATCH_BYTES) {
      batch.indexes.push(index);
      batch.bytes += bytes;
    } else {
      const indexes = [index];
      batches.push(indexes);
      open.set(place, { indexes, bytes });
    }
  }
  return batches;
}

/** @returns the offset of the first record */
async function sendBatch(producer: Producer, batch: readonly Batched[]): Promise<bigint> {
  const [{ topic, compression } = { topic: '', compression: undefined }] = batch;
  const messages = batch.map(({ key, value, headers, partition }): Message => ({
    key,
    value,
    headers,
    partition,
  }));
  const send = (codec: kafkajs.CompressionTypes) =>
    producer.send({ topic, acks: -1, compression: codec, messages });
  const [place] =
    compression === 'snappy'
      ? await withSnappy(() => send(CompressionTypes.Snappy))
      : await send(compression === 'gzip' ? CompressionTypes.GZIP : CompressionTypes.None);
  if (place?.baseOffset === undefined) throw new Error(`the broker told no offset of ${topic}`);
  return BigInt(place.baseOffset);
}
