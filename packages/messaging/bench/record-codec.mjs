// What the record codec saves, arms in turn: `npm run build && node packages/messaging/bench/record-codec.mjs`.
// Prints microseconds an event, the median of the rounds, kafkajs' codec against ours.
import { createRequire } from 'node:module';
import { useRecordCodec } from '../dist/record-codec.js';

const require = createRequire(import.meta.url);
const produce = require('kafkajs/src/protocol/requests/produce');
const fetch = require('kafkajs/src/protocol/requests/fetch');

const PARTITIONS = 6;
const EVENTS = Number(process.argv[2] ?? 200);
const ROUNDS = 15;

const value = JSON.stringify({
  orderId: 4711,
  items: Array.from({ length: 5 }, (_, i) => ({
    productId: i,
    quantity: 2,
    unitPrice: '12.50',
    totalPrice: '25.00',
  })),
  note: 'x'.repeat(300),
});
const messages = Array.from({ length: EVENTS }, (_, i) => ({
  key: String(100_000 + i),
  value,
  headers: {
    ce_id: `balance-charged/${100_000 + i}`,
    ce_source: '/orderflow/user-balance',
    ce_specversion: '1.0',
    ce_type: 'balance.charged.v1',
    ce_time: '2026-11-22T10:00:00.000Z',
    ce_subject: String(100_000 + i),
    ce_dataschema: '/schemas/balance.charged.v1.json',
    'content-type': 'application/json',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  },
}));
const partitions = Array.from({ length: PARTITIONS }, (_, partition) => ({
  partition,
  messages: messages.filter((_, i) => i % PARTITIONS === partition),
}));
const request = { acks: -1, timeout: 10_000, topicData: [{ topic: 'balance-charged', partitions }] };

const encode = () => produce.protocol({ version: 7 })(request).request.encode();
const body = (await encode()).buffer;
const response = fetchResponse(body);
const decode = () => fetch.protocol({ version: 11 })({}).response.decode(response);
/** The produced batches as a broker hands them out again. */
function fetchResponse(bytes) {
  const out = [int32(0), int16(0), int32(0), int32(1)];
  const name = bytes.subarray(12, 12 + 2 + bytes.readInt16BE(12));
  let at = 12 + name.length;
  out.push(name, int32(bytes.readInt32BE(at)));
  at += 4;
  while (at < bytes.length) {
    const size = bytes.readInt32BE(at + 4);
    out.push(bytes.subarray(at, at + 4), int16(0), Buffer.alloc(24), int32(0), int32(-1));
    out.push(bytes.subarray(at + 4, at + 8 + size));
    at += 8 + size;
  }
  return Buffer.concat(out);
}

function int16(value) {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

async function time(work) {
  const times = Math.ceil(20_000 / EVENTS);
  const start = process.hrtime.bigint();
  for (let i = 0; i < times; i++) await work();
  return Number(process.hrtime.bigint() - start) / 1e3 / times / EVENTS;
}

const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1].toFixed(2);
const arms = { encode: encode, decode: decode };
const figures = {};
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, work] of Object.entries(arms)) {
    for (const ours of [false, true]) {
      useRecordCodec(ours);
      (figures[`${name} ${ours ? 'ours' : 'kafkajs'}`] ??= []).push(await time(work));
    }
  }
}
console.log(`${EVENTS} events of ${value.length} bytes, ${PARTITIONS} partitions, µs an event:`);
for (const [name, times] of Object.entries(figures)) console.log(`  ${name.padEnd(16)} ${median(times)}`);
