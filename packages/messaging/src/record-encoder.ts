import { crc32c } from './crc32c.ts';
import { RecordHeaders, type HeaderValue } from './record-headers.ts';
import { sizeOfBytes, sizeOfVarInt, sizeOfVarLong, Writer, type EncodedBody } from './record-writer.ts';

/** A message as kafkajs' producer takes it. */
interface OutgoingMessage {
  readonly key?: Buffer | string | null;
  readonly value: Buffer | string | null;
  readonly timestamp?: string;
  readonly headers?: Readonly<Record<string, HeaderValue | readonly HeaderValue[]>>;
}

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

const MAGIC = 2;
const NO_PRODUCER = -1n;
/** From the record batch's length field on: epoch, magic, crc. */
const BEFORE_CRC_BODY = 9;
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
  const headers = new RecordHeaders();
  for (let i = 0; i < messages.length; i++) {
    const message = messages[i] as OutgoingMessage;
    writeRecord(out, headers, message, i, Number(message.timestamp || now) - Number(first));
  }
  out.patchInt32(length, out.offset - length - 4);
  out.patchInt32(crc, crc32c(out.buf.subarray(length + 4 + BEFORE_CRC_BODY, out.offset)) | 0);
}

function writeRecord(
  out: Writer,
  headers: RecordHeaders,
  message: OutgoingMessage,
  offsetDelta: number,
  timestampDelta: number,
): void {
  const key = message.key ?? null;
  const { value } = message;
  let size =
    1 + sizeOfVarLong(timestampDelta) + sizeOfVarInt(offsetDelta) + sizeOfBytes(key) + sizeOfBytes(value);
  size += headers.take(message.headers);

  out.reserve(size + 5);
  out.varInt(size);
  out.byte(0); // record attributes: none exist
  out.varLong(timestampDelta);
  out.varInt(offsetDelta);
  out.bytes(key);
  out.bytes(value);
  headers.write(out);
}
