import { promisify } from 'node:util';
import { gzip, unzip } from 'node:zlib';
import kafkajs from 'kafkajs';

const { CompressionCodecs, CompressionTypes } = kafkajs;

/** Records of one batch that can be stood in for: far above what anybody sends, and 170 kB. */
const RECORDS_MAX = 20_000;

/**
 * Has every consumer of this process read on over batches that it cannot unpack, in a codec that is not built in (snappy,
 * lz4, zstd) or broken: they read as records without key, value and headers. kafkajs throws there, and its consumer ends.
 */
export function readEveryCodec(): void {
  const records = emptyRecords();
  const codecs = CompressionCodecs as Record<number, () => object>;
  const zip = promisify(gzip);
  const unpack = promisify(unzip);
  codecs[CompressionTypes.GZIP] = () => ({
    compress: ({ buffer }: { buffer: Buffer }) => zip(buffer),
    decompress: (bytes: Buffer) => unpack(bytes).catch(() => records),
  });
  const unreadable = () => ({ decompress: () => Promise.resolve(records) });
  for (const codec of [CompressionTypes.Snappy, CompressionTypes.LZ4, CompressionTypes.ZSTD]) {
    codecs[codec] = unreadable;
  }
}

/** Record batches, version 2: of this many records a batch's reader takes the first ones, as many as the batch has. */
function emptyRecords(): Buffer {
  const records = Array.from({ length: RECORDS_MAX }, (_, index) => {
    const offset = varint(index);
    const [attributes, time, noKey, noValue, noHeaders] = [0, 0, 1, 1, 0];
    return [...varint(5 + offset.length), attributes, time, ...offset, noKey, noValue, noHeaders];
  });
  return Buffer.from(records.flat());
}

/** Zigzag and seven bits a byte: 0 is 0, −1 is 1, 1 is 2. */
function varint(number: number): number[] {
  const bytes = [];
  let rest = number * 2;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
}
