import { unzip } from 'node:zlib';
import { promisify } from 'node:util';
import { Reader } from './record-reader.ts';

/** What a record batch says about all its records; kafkajs hands it on with each of them. */
interface BatchContext {
  readonly firstOffset: string;
  readonly firstTimestamp: string;
  readonly partitionLeaderEpoch: number;
  readonly inTransaction: boolean;
  readonly isControlBatch: boolean;
  readonly lastOffsetDelta: number;
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly maxTimestamp: string;
  readonly timestampType: number;
  readonly magicByte: number;
}

type Headers = Record<string, Buffer | null | (Buffer | null)[]>;

/** A record in the shape that kafkajs' consumer hands over as a message. */
export interface DecodedRecord {
  readonly magicByte: number;
  readonly attributes: number;
  readonly timestamp: string;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Headers;
  readonly isControlRecord: boolean;
  readonly batchContext: BatchContext;
  /** Set on the stand-in for a record whose batch could not be decompressed: the codec's name. */
  readonly [UNDECODED]?: string;
}

/** Marks a stand-in record; registered, so that two copies of this package agree on it. */
export const UNDECODED = Symbol.for('orderflow.messaging.undecoded');

export interface FetchedPartition {
  readonly partition: number;
  readonly errorCode: number;
  readonly highWatermark: string;
  readonly lastStableOffset: string;
  readonly lastStartOffset: string;
  readonly abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[];
  readonly preferredReadReplica: number;
  readonly messages: DecodedRecord[];
}

/** The body of a Fetch response, version 11, as kafkajs' own decoder returns it. */
export interface FetchResponse {
  readonly throttleTime: 0;
  readonly clientSideThrottleTime: number;
  readonly errorCode: number;
  readonly sessionId: number;
  readonly responses: readonly {
    readonly topicName: string | null;
    readonly partitions: readonly FetchedPartition[];
  }[];
}

const MAGIC = 2;
const MAGIC_AT = 16;
/** A batch's bytes up to its first record, less the base offset and length: shorter is a cut-off tail. */
const BATCH_OVERHEAD = 49;
const CODEC_MASK = 0x07;
const LOG_APPEND_TIME_FLAG = 0x08;
const TRANSACTIONAL_FLAG = 0x10;
const CONTROL_FLAG = 0x20;
const LOG_APPEND_TIME = 1;
const CODEC_NAMES = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];

/** A batch is at most 1 MB compressed; more than this is a bomb, not a batch of ours. */
const UNZIPPED_MAX_BYTES = 32 * 1024 * 1024;
const gunzip = promisify(unzip);

/** A message set from before record batches (Kafka 0.10): Kafka 4 no longer sends one. */
export class OldMessageFormat extends Error {}

/**
 * Reads a Fetch response of version 11 in one pass. A batch in a codec that is not built in (snappy, lz4, zstd), or
 * that does not unzip, comes back as one stand-in record an offset, with no key, value or headers:
 * kafkajs throws there, which loses the whole fetch and ends the consumer.
 * @throws OldMessageFormat, for the caller to fall back on kafkajs' own decoder.
 */
export async function decodeFetch(payload: Buffer): Promise<FetchResponse> {
  const reader = new Reader(payload);
  const clientSideThrottleTime = reader.int32();
  const errorCode = reader.int16();
  const sessionId = reader.int32();
  const responses = [];
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topicName = reader.string16();
    const partitions = [];
    for (let count = reader.int32(); count > 0; count--) partitions.push(await decodePartition(reader));
    responses.push({ topicName, partitions });
  }
  // The broker has not throttled the request; the client is asked to wait (KIP-219).
  return { throttleTime: 0, clientSideThrottleTime, errorCode, sessionId, responses };
}

async function decodePartition(reader: Reader): Promise<FetchedPartition> {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const highWatermark = reader.int64Text();
  const lastStableOffset = reader.int64Text();
  const lastStartOffset = reader.int64Text();
  const abortedTransactions = [];
  for (let count = reader.int32(); count > 0; count--) {
    abortedTransactions.push({ producerId: reader.int64Text(), firstOffset: reader.int64Text() });
  }
  const preferredReadReplica = reader.int32();
  const messages: DecodedRecord[] = [];
  const size = reader.int32();
  if (size > 0 && reader.left() >= size) {
    const end = reader.at + size;
    await decodeBatches(reader, end, messages);
    reader.at = end;
  }
  return {
    partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    lastStartOffset,
    abortedTransactions,
    preferredReadReplica,
    messages,
  };
}

async function decodeBatches(reader: Reader, end: number, into: DecodedRecord[]): Promise<void> {
  if (reader.bytes[reader.at + MAGIC_AT] !== MAGIC) throw new OldMessageFormat();
  while (end - reader.at >= BATCH_OVERHEAD) {
    const firstOffset = reader.int64();
    const next = reader.int32() + reader.at;
    if (next > end) return; // the broker cuts the last batch where the fetch's size ends
    const partitionLeaderEpoch = reader.int32();
    const magicByte = reader.int8();
    reader.at += 4; // crc: TCP's and the broker's own checks stand before it, kafkajs reads over it too
    const attributes = reader.int16();
    const lastOffsetDelta = reader.int32();
    const firstTimestamp = reader.int64();
    const context: BatchContext = {
      firstOffset: firstOffset.toString(),
      firstTimestamp: firstTimestamp.toString(),
      partitionLeaderEpoch,
      inTransaction: (attributes & TRANSACTIONAL_FLAG) > 0,
      isControlBatch: (attributes & CONTROL_FLAG) > 0,
      lastOffsetDelta,
      maxTimestamp: reader.int64Text(),
      producerId: reader.int64Text(),
      producerEpoch: reader.int16(),
      firstSequence: reader.int32(),
      timestampType: (attributes & LOG_APPEND_TIME_FLAG) >> 3,
      magicByte,
    };
    const base: Base = { offset: firstOffset, timestamp: firstTimestamp, context };
    const codec = attributes & CODEC_MASK;
    const count = reader.int32();
    if (codec === 0) decodeRecords(reader, count, base, into);
    else await decodeCompressed(reader.bytes.subarray(reader.at, next), codec, count, base, into);
    reader.at = next;
  }
}

interface Base {
  readonly offset: bigint;
  readonly timestamp: bigint;
  readonly context: BatchContext;
}

async function decodeCompressed(
  packed: Buffer,
  codec: number,
  count: number,
  base: Base,
  into: DecodedRecord[],
): Promise<void> {
  const bytes =
    codec === 1 ? await gunzip(packed, { maxOutputLength: UNZIPPED_MAX_BYTES }).catch(() => null) : null;
  if (bytes !== null) decodeRecords(new Reader(bytes), count, base, into);
  else standIns(CODEC_NAMES[codec] ?? `codec ${codec}`, base, into);
}

function standIns(codec: string, { offset, context }: Base, into: DecodedRecord[]): void {
  for (let delta = 0; delta <= context.lastOffsetDelta; delta++) {
    into.push({
      magicByte: context.magicByte,
      attributes: 0,
      timestamp: context.maxTimestamp,
      offset: (offset + BigInt(delta)).toString(),
      key: null,
      value: null,
      headers: {},
      isControlRecord: false,
      batchContext: context,
      [UNDECODED]: codec,
    });
  }
}

/** Adds by number while that is exact, else by bigint: offsets and times stay far below 2^53. */
function adder(base: bigint): (delta: number) => string {
  const number = Number(base);
  if (Math.abs(number) < Number.MAX_SAFE_INTEGER / 2) {
    return (delta) => String(number + delta);
  }
  return (delta) => (base + BigInt(delta)).toString();
}

function decodeRecords(reader: Reader, count: number, base: Base, into: DecodedRecord[]): void {
  const { context } = base;
  const offsetText = adder(base.offset);
  const timeText = adder(base.timestamp);
  const headerValues: (Buffer | null)[] = [];
  const appendTime = context.timestampType === LOG_APPEND_TIME ? context.maxTimestamp : null;
  for (let i = 0; i < count; i++) {
    const length = reader.varInt();
    const end = reader.at + length;
    const attributes = reader.int8();
    const timestampDelta = reader.varLong();
    const offsetDelta = reader.varInt();
    into.push({
      magicByte: context.magicByte,
      attributes,
      timestamp: appendTime ?? timeText(timestampDelta),
      offset: offsetText(offsetDelta),
      key: reader.varBytes(),
      value: reader.varBytes(),
      headers: decodeHeaders(reader, headerValues),
      isControlRecord: context.isControlBatch,
      batchContext: context,
    });
    reader.at = end;
  }
}

/**
 * A plain object, since one without a prototype is a hash table from the start.
 * @param before the values of the record before, by position; those of this one take their place
 */
function decodeHeaders(reader: Reader, before: (Buffer | null)[]): Headers {
  const headers: Headers = {};
  const count = reader.varInt();
  for (let i = 0; i < count; i++) {
    const name = reader.headerName(i);
    const value = reader.varBytesAfter(before[i]);
    before[i] = value;
    if (name in headers) addHeader(headers, name, value);
    else headers[name] = value;
  }
  return headers;
}

/** A header that is repeated, or named as what every object has: `constructor` and `__proto__` are headers like others. */
function addHeader(headers: Headers, name: string, value: Buffer | null): void {
  const earlier = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (Array.isArray(earlier)) earlier.push(value);
  else {
    const all = earlier === undefined ? value : [earlier, value];
    Object.defineProperty(headers, name, {
      value: all,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
}
