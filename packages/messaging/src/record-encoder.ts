import { crc32c } from './crc32c.ts';

/** A message as kafkajs' producer takes it. */
interface OutgoingMessage {
  readonly key?: Buffer | string | null;
  readonly value: Buffer | string | null;
  readonly timestamp?: string;
  readonly headers?: Readonly<Record<string, HeaderValue | readonly HeaderValue[]>>;
}
type HeaderValue = Buffer | string | null | undefined;

/** What the producer hands to the protocol: its arrays are one topic, one partition, one record batch. */
export interface ProduceRequest {
  readonly acks: number;
  readonly timeout: number;
  readonly compression?: number;
  readonly transactionalId?: string | null;
  readonly producerId?: number | string;
  readonly producerEpoch?: number;
  readonly topicData: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      /** kafkajs groups by object keys, so a partition may arrive as text. */
      readonly partition: number | string;
      readonly firstSequence?: number;
      readonly messages: readonly OutgoingMessage[];
    }[];
  }[];
}

/** What kafkajs takes as an encoded body: the part of its Encoder that a request writes from. */
export interface EncodedBody {
  readonly buf: Buffer;
  readonly buffer: Buffer;
  readonly offset: number;
  size(): number;
}

const MAGIC = 2;
const NO_PRODUCER = -1n;
/** From the record batch's length field on: epoch, magic, crc. */
const BEFORE_CRC_BODY = 9;
/** Below this, writing bytes one by one beats the call into Node's string encoder (measured at 16–48). */
const SHORT = 32;

/**
 * The body of a Produce request, versions 3 to 7, uncompressed and without transactions: the bytes kafkajs
 * writes, in one growing buffer instead of one Encoder a header, a record, a batch, a partition and a topic.
 * @param now milliseconds, for messages without a timestamp.
 */
export function encodeProduce(request: ProduceRequest, now: number): EncodedBody {
  const out = new Writer();
  out.int16(-1); // no transactional id
  out.int16(request.acks);
  out.int32(request.timeout);
  out.int32(request.topicData.length);
  for (const { topic, partitions } of request.topicData) {
    out.string16(topic);
    out.int32(partitions.length);
    for (const { partition, firstSequence = 0, messages } of partitions) {
      out.int32(Number(partition));
      const size = out.skip(4);
      writeBatch(out, messages, firstSequence, request.producerEpoch ?? 0, now);
      out.patchInt32(size, out.offset - size - 4);
    }
  }
  return out;
}

function writeBatch(
  out: Writer,
  messages: readonly OutgoingMessage[],
  firstSequence: number,
  producerEpoch: number,
  now: number,
): void {
  // kafkajs sorts the texts; batches whose messages have no timestamp are the usual case.
  const stamps = messages
    .map((message) => message.timestamp)
    .filter((stamp) => stamp !== undefined && stamp !== null);
  stamps.sort();
  const first = stamps[0] ?? now;
  const last = stamps.at(-1) ?? now;

  out.int64(0n); // base offset: the broker's to give
  const length = out.skip(4);
  out.int32(0); // leader epoch
  out.int8(MAGIC);
  const crc = out.skip(4);
  out.int16(0); // attributes: no compression, create time
  out.int32(messages.length - 1);
  out.int64(BigInt(first));
  out.int64(BigInt(last));
  out.int64(NO_PRODUCER);
  out.int16(producerEpoch);
  out.int32(firstSequence);
  out.int32(messages.length);
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i] as OutgoingMessage;
    writeRecord(out, message, i, Number(message.timestamp || now) - Number(first));
  }
  out.patchInt32(length, out.offset - length - 4);
  out.patchInt32(crc, crc32c(out.buf.subarray(length + 4 + BEFORE_CRC_BODY, out.offset)) | 0);
}

/** Headers of the record being written, flat: key, value, key, value. One array for all, emptied each time. */
const flat: (Buffer | string | null)[] = [];

function writeRecord(
  out: Writer,
  message: OutgoingMessage,
  offsetDelta: number,
  timestampDelta: number,
): void {
  const { headers } = message;
  flat.length = 0;
  if (headers !== undefined) {
    for (const name of Object.keys(headers)) {
      const value = headers[name];
      if (Array.isArray(value)) for (const one of value as HeaderValue[]) flat.push(name, one ?? null);
      else flat.push(name, (value as HeaderValue) ?? null);
    }
  }
  const key = message.key ?? null;
  const { value } = message;
  const count = flat.length / 2;
  let size =
    1 + sizeOfVarLong(timestampDelta) + sizeOfVarInt(offsetDelta) + sizeOfBytes(key) + sizeOfBytes(value);
  size += sizeOfVarInt(count);
  for (let i = 0; i < flat.length; i++) size += sizeOfBytes(flat[i] as Buffer | string | null);

  out.reserve(size + 5);
  out.varInt(size);
  out.byte(0); // record attributes: none exist
  out.varLong(timestampDelta);
  out.varInt(offsetDelta);
  out.bytes(key);
  out.bytes(value);
  out.varInt(count);
  for (let i = 0; i < flat.length; i++) out.bytes(flat[i] as Buffer | string | null);
}

function byteLength(data: Buffer | string): number {
  return typeof data === 'string' ? Buffer.byteLength(data) : data.length;
}

function sizeOfBytes(data: Buffer | string | null): number {
  if (data === null) return 1;
  const length = byteLength(data);
  return sizeOfVarInt(length) + length;
}

function sizeOfVarInt(value: number): number {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0;
  let bytes = 1;
  while (rest > 127) {
    rest >>>= 7;
    bytes++;
  }
  return bytes;
}

function sizeOfVarLong(value: number): number {
  if (value === (value | 0)) return sizeOfVarInt(value);
  let rest = zigZag64(value);
  let bytes = 1;
  while (rest > 127n) {
    rest >>= 7n;
    bytes++;
  }
  return bytes;
}

function zigZag64(value: number): bigint {
  const wide = BigInt(value);
  return BigInt.asUintN(64, (wide << 1n) ^ (wide >> 63n));
}

/** Big-endian writer over one buffer. What varies in size is reserved by the record, the rest by each call. */
class Writer implements EncodedBody {
  // Not zero-filled: every byte up to `offset` is written before anyone reads it.
  buf: Buffer = Buffer.allocUnsafeSlow(16_384);
  offset = 0;

  get buffer(): Buffer {
    return this.buf.subarray(0, this.offset);
  }

  size(): number {
    return this.offset;
  }

  reserve(bytes: number): void {
    const needed = this.offset + bytes;
    if (needed <= this.buf.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.buf.length * 2));
    this.buf.copy(grown, 0, 0, this.offset);
    this.buf = grown;
  }

  /** Leaves room for a length or checksum that is known later, and says where. */
  skip(bytes: number): number {
    this.reserve(bytes);
    const at = this.offset;
    this.offset += bytes;
    return at;
  }

  patchInt32(at: number, value: number): void {
    this.buf.writeInt32BE(value, at);
  }

  // The position first, in each of these: growing replaces the buffer.
  int8(value: number): void {
    const at = this.skip(1);
    this.buf.writeInt8(value, at);
  }

  int16(value: number): void {
    const at = this.skip(2);
    this.buf.writeInt16BE(value, at);
  }

  int32(value: number): void {
    const at = this.skip(4);
    this.buf.writeInt32BE(value, at);
  }

  int64(value: bigint): void {
    const at = this.skip(8);
    this.buf.writeBigInt64BE(value, at);
  }

  string16(text: string): void {
    const length = Buffer.byteLength(text);
    this.int16(length);
    this.reserve(length);
    this.text(text, length);
  }

  byte(value: number): void {
    this.buf[this.offset++] = value;
  }

  varInt(value: number): void {
    let rest = ((value << 1) ^ (value >> 31)) >>> 0;
    while (rest > 127) {
      this.buf[this.offset++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.buf[this.offset++] = rest;
  }

  varLong(value: number): void {
    if (value === (value | 0)) {
      this.varInt(value);
      return;
    }
    let rest = zigZag64(value);
    while (rest > 127n) {
      this.buf[this.offset++] = Number(rest & 127n) | 128;
      rest >>= 7n;
    }
    this.buf[this.offset++] = Number(rest);
  }

  bytes(data: Buffer | string | null): void {
    if (data === null) {
      this.varInt(-1);
      return;
    }
    const length = byteLength(data);
    this.varInt(length);
    if (typeof data === 'string') {
      this.text(data, length);
    } else {
      data.copy(this.buf, this.offset);
      this.offset += length;
    }
  }

  private text(text: string, length: number): void {
    if (length !== text.length) {
      this.buf.write(text, this.offset, length, 'utf8');
    } else if (length > SHORT) {
      this.buf.write(text, this.offset, length, 'latin1'); // one byte a character: ASCII
    } else {
      for (let i = 0; i < length; i++) this.buf[this.offset + i] = text.charCodeAt(i);
    }
    this.offset += length;
  }
}
