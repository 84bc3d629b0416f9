import kafkajs from 'kafkajs';

const { Snappy } = kafkajs.CompressionTypes;

/** What snappy-java's stream starts with: magic bytes, version 1, compatible with 1. */
const STREAM_HEADER = Buffer.from('82534e41505059000000000100000001', 'hex');
/** A literal whose length, less one, stands in the next two bytes. */
const LITERAL_16 = 61 << 2;

/** Before the bytes: the stream's header, the block's size (4), its length unpacked (2), the literal's header (3). */
const BYTES_AT = 16 + 4 + 2 + 3;

/**
 * Teaches kafkajs snappy for the time of `work`: it writes one literal of at most 16 KB a batch, which any reader of
 * the format takes, and reads that. What the broker stores is a batch in a codec that consumers here do not have.
 */
export async function withSnappy<Result>(work: () => Promise<Result>): Promise<Result> {
  const codecs = kafkajs.CompressionCodecs as Record<number, unknown>;
  const missing = codecs[Snappy];
  codecs[Snappy] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) => Promise.resolve(snappy(buffer)),
    decompress: (buffer: Buffer) => Promise.resolve(buffer.subarray(BYTES_AT)),
  });
  try {
    return await work();
  } finally {
    codecs[Snappy] = missing;
  }
}

function snappy(bytes: Buffer): Buffer {
  if (bytes.length > 16_383) throw new Error('two bytes of length are all that is written here');
  const literal = Buffer.alloc(3);
  literal.writeUInt8(LITERAL_16);
  literal.writeUInt16LE(bytes.length - 1, 1);
  const length = Buffer.from([(bytes.length & 0x7f) | 0x80, bytes.length >> 7]);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(length.length + literal.length + bytes.length);
  return Buffer.concat([STREAM_HEADER, size, length, literal, bytes]);
}
