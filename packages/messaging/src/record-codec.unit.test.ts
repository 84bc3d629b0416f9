import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { unsupportedCompression, useRecordCodec } from './record-codec.ts';
import type { FetchResponse } from './record-decoder.ts';
import type { ProduceRequest } from './record-encoder.ts';

interface Protocol<Call> {
  protocol: (agreed: { version: number }) => (request: unknown) => Call;
}
const require = createRequire(import.meta.url);
const produce = require('kafkajs/src/protocol/requests/produce') as Protocol<{
  request: { encode: () => Promise<{ buffer: Buffer }> };
}>;
const fetch = require('kafkajs/src/protocol/requests/fetch') as Protocol<{
  response: { decode: (payload: Buffer) => Promise<FetchResponse> };
}>;

const NOW = 1_795_370_140_571;

async function encode(request: ProduceRequest, ours: boolean, version = 7): Promise<Buffer> {
  useRecordCodec(ours);
  const clock = jest.spyOn(Date, 'now').mockReturnValue(NOW);
  try {
    return (await produce.protocol({ version })(request).request.encode()).buffer;
  } finally {
    clock.mockRestore();
  }
}

function decode(payload: Buffer, ours: boolean, version = 11): Promise<FetchResponse> {
  useRecordCodec(ours);
  return fetch.protocol({ version })({}).response.decode(payload);
}

function requestOf(...messages: object[]): ProduceRequest {
  const partitions = [{ partition: 0, firstSequence: 0, messages }] as unknown;
  return { acks: -1, timeout: 10_000, topicData: [{ topic: 't', partitions }] } as ProduceRequest;
}

const data = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);
const headerName = fc.oneof(
  fc.constantFrom('ce_id', 'ce_type', 'traceparent', 'content-type', 'é', ''),
  fc.string({ maxLength: 40 }),
);
const message = fc.record(
  {
    key: fc.option(data),
    value: fc.option(data),
    headers: fc.dictionary(headerName, fc.oneof(data, fc.array(data, { maxLength: 3 })), { maxKeys: 10 }),
    timestamp: fc.oneof(fc.nat({ max: 2 ** 31 }), fc.integer({ min: NOW - 2 ** 40, max: NOW })).map(String),
  },
  { requiredKeys: ['value'] },
);
/** Text too, since kafkajs groups by object keys. */
const partitionId = fc.oneof(fc.nat({ max: 100 }), fc.nat({ max: 100 }).map(String));
const partition = fc.record({
  partition: partitionId,
  firstSequence: fc.nat(),
  messages: fc.array(message, { maxLength: 20 }),
});
const topic = fc.record({
  topic: fc.string({ maxLength: 30 }),
  partitions: fc.array(partition, { maxLength: 4 }),
});
const request = fc.record({
  acks: fc.constantFrom(-1, 0, 1),
  timeout: fc.nat(),
  topicData: fc.array(topic, { maxLength: 3 }),
}) as fc.Arbitrary<ProduceRequest>;

const MAGIC_AT = 16;
const ATTRIBUTES_AT = 21;
const LAST_DELTA_AT = 23;
const RECORDS_AT = 57;

/** The record batch that kafkajs itself makes of the messages, from offset 7000 on. */
async function batchOf(
  messages: object[],
  change: (batch: Buffer) => void = () => undefined,
): Promise<Buffer> {
  const body = await encode(requestOf(...messages), false);
  // Before the batch: 2 transactional id, 2 acks, 4 timeout, 4 topics, 3 name, 4 partitions, 4 partition, 4 size.
  const bytes = Buffer.from(body.subarray(27));
  bytes.writeBigInt64BE(7_000n, 0);
  bytes.writeUInt8(2, MAGIC_AT);
  change(bytes);
  return bytes;
}

/** A version 11 response with one topic, a partition for each record set. */
function responseOf(...recordSets: Buffer[]): Buffer {
  const head = Buffer.from('00000007' + '0000' + '00000009' + '00000001' + '0001' + '74', 'hex');
  const parts = [head, int32(recordSets.length)];
  for (const [index, records] of recordSets.entries()) {
    parts.push(int32(index), Buffer.from('0000', 'hex'), int64(9_000n), int64(8_999n), int64(0n));
    parts.push(int32(1), int64(5n), int64(7_001n), int32(-1), int32(records.length), records);
  }
  return Buffer.concat(parts);
}

function int32(value: number): Buffer {
  return Buffer.from(Int32Array.of(value).buffer).swap32();
}

function int64(value: bigint): Buffer {
  return Buffer.from(BigInt64Array.of(value).buffer).swap64();
}

/** The batch with its records replaced, and its length put right. */
function repacked(original: Buffer, records: Buffer, codec: number): Buffer {
  const bytes = Buffer.concat([original.subarray(0, RECORDS_AT + 4), records]);
  bytes.writeInt32BE(bytes.length - 12, 8);
  bytes.writeInt16BE(codec, ATTRIBUTES_AT);
  return bytes;
}

afterEach(() => useRecordCodec(true));

describe('the record encoder', () => {
  it('writes the bytes that kafkajs writes', async () => {
    await fc.assert(
      fc.asyncProperty(request, fc.integer({ min: 3, max: 7 }), async (any, version) => {
        expect((await encode(any, true, version)).equals(await encode(any, false, version))).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    ['a null key and a null value', { key: null, value: null }],
    ['no key and empty headers', { value: 'x', headers: {} }],
    ['a header given several times', { value: 'x', headers: { a: ['1', Buffer.from('2')], b: [] } }],
    ['bytes that are no text', { key: Buffer.from([0xff, 0]), value: Buffer.from([0xc3, 0x28]) }],
    ['lone surrogates', { key: '\ud800', value: 'a\udfff' }],
    ['1 MB of ASCII', { value: 'x'.repeat(1 << 20) }],
    ['1 MB of other text', { value: 'é'.repeat(1 << 19) }],
    ['1 MB of bytes', { value: Buffer.alloc(1 << 20, 0xfe) }],
  ])('writes them for %s', async (_, one) => {
    const theirs = await encode(requestOf(one), false);
    expect((await encode(requestOf(one), true)).equals(theirs)).toBe(true);
  });

  it('writes a header without a value as Kafka has it, where kafkajs throws', async () => {
    const one = requestOf({ value: 'x', headers: { none: null, several: ['a', undefined] } });
    const records = (await encode(one, true)).subarray(27);
    const read = await decode(responseOf(records), false);
    expect(read.responses[0]?.partitions[0]?.messages[0]?.headers).toEqual({
      none: null,
      several: [Buffer.from('a'), null],
    });
    await expect(encode(one, false)).rejects.toThrow('Received null');
  });

  it('leaves gzip, transactions and idempotent producers to kafkajs', async () => {
    const plain = requestOf({ value: 'x' });
    for (const special of [
      { compression: 1 },
      { transactionalId: 'tx' },
      { producerId: 4, producerEpoch: 2 },
    ]) {
      const any = { ...plain, ...special };
      expect((await encode(any, true)).equals(await encode(any, false))).toBe(true);
    }
  });
});

describe('the record decoder', () => {
  it('reads what kafkajs reads, wherever the broker cuts off the last batch', async () => {
    const flags = fc.constantFrom(0, 0x08, 0x10, 0x30);
    const messages = fc.array(
      message.map((one) => ({ ...one, headers: withoutInherited(one.headers) })),
      { minLength: 1, maxLength: 8 },
    );
    const sets = fc.array(fc.array(fc.tuple(messages, flags), { maxLength: 3 }), { maxLength: 3 });
    await fc.assert(
      fc.asyncProperty(sets, fc.double({ min: 0, max: 1, noNaN: true }), async (recordSets, cut) => {
        const encoded = [];
        for (const set of recordSets) {
          const batches = [];
          for (const [list, flag] of set)
            batches.push(await batchOf(list, (b) => b.writeInt16BE(flag, ATTRIBUTES_AT)));
          encoded.push(Buffer.concat(batches));
        }
        const last = encoded.pop();
        // Brokers never send less than the first batch's head.
        if (last)
          encoded.push(
            last.subarray(0, Math.max(Math.round(last.length * cut), Math.min(RECORDS_AT, last.length))),
          );
        const payload = responseOf(...encoded);
        expect(await decode(payload, true)).toEqual(await decode(payload, false));
      }),
      { numRuns: 100 },
    );
  });

  it('reads gzip', async () => {
    const plain = await batchOf([{ value: 'a', headers: { h: 'x' } }, { value: 'b' }]);
    const packed = repacked(plain, gzipSync(plain.subarray(RECORDS_AT + 4)), 1);
    const read = await decode(responseOf(packed), true);
    expect(read).toEqual(await decode(responseOf(packed), false));
    expect(read.responses[0]?.partitions[0]?.messages.map((one) => String(one.value))).toEqual(['a', 'b']);
  });

  it('keeps a header that is named like a property of every object', async () => {
    const headers = JSON.parse('{ "constructor": "a", "__proto__": "b" }') as object;
    const read = await decode(responseOf(await batchOf([{ value: 'x', headers }])), true);
    const found = read.responses[0]?.partitions[0]?.messages[0]?.headers ?? {};
    expect(Object.entries(found).map(([name, value]) => [name, String(value)])).toEqual([
      ['constructor', 'a'],
      ['__proto__', 'b'],
    ]);
  });

  it('reads a batch of more records than a call has room for arguments', async () => {
    // One record, seven bytes, 140,000 times: under 1 MB, so a broker takes it. kafkajs spreads them into a push.
    const one = await batchOf([{ value: null }]);
    const record = one.subarray(RECORDS_AT + 4);
    const many = repacked(one, Buffer.concat(Array<Buffer>(140_000).fill(record)), 0);
    many.writeInt32BE(140_000, RECORDS_AT);
    expect((await decode(responseOf(many), true)).responses[0]?.partitions[0]?.messages).toHaveLength(
      140_000,
    );
    await expect(decode(responseOf(many), false)).rejects.toThrow(RangeError);
  });

  it('leaves message sets of old brokers to kafkajs', async () => {
    const old = await batchOf([{ value: 'x' }], (bytes) => bytes.writeUInt8(1, MAGIC_AT));
    const outcome = (ours: boolean) =>
      decode(responseOf(old), ours).then(
        (read) => JSON.stringify(read),
        (error: unknown) => (error as Error).name,
      );
    expect(await outcome(true)).toBe(await outcome(false));
  });
});

describe('a batch that cannot be decompressed', () => {
  it.each([
    [2, 'snappy'],
    [3, 'lz4'],
    [4, 'zstd'],
    [5, 'codec 5'],
  ])('with codec %i yields its offsets, marked %s, and the rest of the fetch', async (codec, name) => {
    const good = await batchOf([{ value: 'good' }]);
    const bad = repacked(good, Buffer.from('not decodable'), codec);
    bad.writeBigInt64BE(7_001n, 0);
    bad.writeInt32BE(2, LAST_DELTA_AT);
    const after = Buffer.from(good);
    after.writeBigInt64BE(7_004n, 0);
    const read = await decode(responseOf(Buffer.concat([good, bad, after]), good), true);
    const [first, second] = read.responses[0]?.partitions ?? [];
    expect(
      first?.messages.map((one) => [one.offset, one.value?.toString() ?? null, unsupportedCompression(one)]),
    ).toEqual([
      ['7000', 'good', null],
      ['7001', null, name],
      ['7002', null, name],
      ['7003', null, name],
      ['7004', 'good', null],
    ]);
    expect(second?.messages).toHaveLength(1);
  });

  it.each([
    ['unpacks to more than any batch of events could hold', gzipSync(Buffer.alloc(40 << 20))],
    ['is garbage', Buffer.from('garbage')],
  ])('is one in gzip that %s, too', async (_, records) => {
    const packed = repacked(await batchOf([{ value: 'x' }]), records, 1);
    const read = await decode(responseOf(packed), true);
    expect(read.responses[0]?.partitions[0]?.messages.map(unsupportedCompression)).toEqual(['gzip']);
  });

  it('ends the fetch with an exception in kafkajs, which is why', async () => {
    const plain = await batchOf([{ value: 'x' }]);
    await expect(decode(responseOf(repacked(plain, Buffer.from('?'), 2)), false)).rejects.toThrow('Snappy');
  });
});

describe('the switch', () => {
  it('puts back what kafkajs came with', () => {
    useRecordCodec(false);
    const theirs = [produce.protocol, fetch.protocol];
    useRecordCodec(true);
    useRecordCodec(true);
    expect(produce.protocol).not.toBe(theirs[0]);
    useRecordCodec(false);
    expect([produce.protocol, fetch.protocol]).toEqual(theirs);
  });
});

/** kafkajs reads headers into an object with a prototype, and merges a `toString` header with what that has. */
function withoutInherited(headers: object | undefined): object {
  return Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => !(name in Object.prototype)));
}
