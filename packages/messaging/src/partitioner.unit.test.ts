import { describe, expect, it } from '@jest/globals';
import kafkajs from 'kafkajs';
import { keyPartitioner } from './partitioner.ts';

const theirs = kafkajs.Partitioners.DefaultPartitioner();
const ours = keyPartitioner();

function place(partitions: number, key: Buffer | string) {
  const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
    partitionId,
    leader: 1,
    partitionErrorCode: 0,
    replicas: [1],
    isr: [1],
  }));
  const message = { key, value: null };
  return {
    ours: ours({ partitionMetadata, message }),
    theirs: theirs({ topic: 'order-created', partitionMetadata, message }),
  };
}

describe('the partition of a key', () => {
  it('is the one of kafkajs’ own partitioner, for ids of every length', () => {
    const ids = Array.from({ length: 16 }, (_, digits) => 10 ** digits).flatMap((id) => [
      id,
      id + 1,
      id * 7,
      id * 9 - 1,
    ]);
    for (const partitions of [1, 3, 6, 50]) {
      for (const id of ids) {
        const { ours, theirs } = place(partitions, String(id));
        expect({ id, partitions, partition: ours }).toEqual({ id, partitions, partition: theirs });
      }
    }
  });

  it('is the same for a thousand orders in a row, and for keys of any bytes', () => {
    for (let id = 4_000; id < 5_000; id += 1) {
      const { ours, theirs } = place(3, String(id));
      expect(ours).toBe(theirs);
    }
    for (const key of [
      '',
      'é',
      '😀 order',
      Buffer.from([0xff, 0x80, 0, 0xfe, 0x7f]),
      Buffer.alloc(33, 0xf5),
    ]) {
      const { ours, theirs } = place(7, key);
      expect(ours).toBe(theirs);
    }
  });

  it('is refused for a message without a key', () => {
    expect(() => ours({ partitionMetadata: [1, 2, 3], message: { key: null } })).toThrow('without a key');
  });
});
