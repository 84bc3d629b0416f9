/** What kafkajs hands to a partitioner, as far as this one needs it. */
interface Placed {
  readonly partitionMetadata: { readonly length: number };
  readonly message: { readonly key?: Buffer | string | null };
}

const SEED = 0x9747b28c;
const M = 0x5bd1e995;

/** MurmurHash2 of a key's UTF-8 bytes, 32 bits, as every Kafka client computes it (KIP-480's and the Java client's). */
export function murmur2(key: Buffer | string): number {
  const bytes = typeof key === 'string' ? Buffer.from(key) : key;
  const { length } = bytes;
  const whole = length & ~3;
  let hash = SEED ^ length;
  for (let at = 0; at < whole; at += 4) {
    let part = Math.imul(bytes.readInt32LE(at), M);
    part = Math.imul(part ^ (part >>> 24), M);
    hash = Math.imul(hash, M) ^ part;
  }
  if (length > whole) {
    for (let at = length - 1; at >= whole; at -= 1) hash ^= (bytes[at] ?? 0) << (8 * (at - whole));
    hash = Math.imul(hash, M);
  }
  hash = Math.imul(hash ^ (hash >>> 13), M);
  return hash ^ (hash >>> 15);
}

/**
 * Puts a message where kafkajs' default partitioner, and the Java client, put its key. Theirs in kafkajs computes with
 * BigInt and copies the list of partitions for each message: the largest part of what a send cost.
 * @throws Error for a message without a key: nothing of ours has none
 */
export function keyPartitioner() {
  return ({ partitionMetadata, message: { key } }: Placed): number => {
    if (key === null || key === undefined) throw new Error('a message without a key has no partition');
    return (murmur2(key) & 0x7fffffff) % partitionMetadata.length;
  };
}
