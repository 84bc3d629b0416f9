import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { cpuOf } from '../accounting/cpu.ts';
import type { StartedBackends } from '../backends.ts';
import { runWrk } from '../load/wrk.ts';
import type { Floor } from '../result.ts';
import type { Report } from '../scenarios/at-rest.ts';
import { PRODUCTS, USERS } from '../shop.ts';
import { createTopics } from './events.ts';
import type { TrailOrder } from './order-trail.ts';
import { answer, createTables } from './rows.ts';

/** As many orders as a batch holds with 256 requests in flight. */
const BATCH = 250;
/** The broker and this process compile what they run often. */
const WARM_UP_S = 2;
const MEASURE_S = 5;
const CONNECTIONS = 256;
const SCRIPT = join(import.meta.dirname, '..', '..', 'lua', 'orders.lua');

/**
 * What the pipeline cannot do without, each part by itself on the servers of this run: an order's rows inserted in their
 * last state, its six events sent, those read nine times, its request answered. µs of CPU an order, this process and the
 * servers; the generator of requests is not counted. Takes about 30 s, and nothing else may run meanwhile.
 * @throws Error when a part fails
 */
export async function measureFloor(backends: StartedBackends, report: Report): Promise<Floor> {
  const insert = await measureRows(backends);
  report(`floor: rows of an order ${insert.toFixed(0)} µs`);
  const { send, fetch } = await measureEvents(backends);
  report(`floor: six events sent ${send.toFixed(0)} µs, read nine times ${fetch.toFixed(0)} µs`);
  const http = await measureAnswers(backends);
  report(`floor: a request ${http.toFixed(0)} µs`);
  const parts = { insert, send, fetch, http };
  return { parts, cpuMsPerOrder: Object.values(parts).reduce((sum, us) => sum + us, 0) / 1000 };
}

async function measureRows(backends: StartedBackends): Promise<number> {
  const tables = await createTables(backends, USERS);
  const orders = orderSource();
  try {
    await repeat(WARM_UP_S, () => tables.insert(orders(BATCH)));
    return await cpuPerOrder(backends, () => repeat(MEASURE_S, () => tables.insert(orders(BATCH))));
  } finally {
    await tables.drop();
  }
}

async function measureEvents(backends: StartedBackends): Promise<{ send: number; fetch: number }> {
  const topics = await createTopics(backends.brokers, orderSource()(BATCH));
  let sent = 0;
  try {
    sent += await repeat(WARM_UP_S, () => topics.send());
    await topics.readAll(sent);
    const send = await cpuPerOrder(backends, async () => {
      const measured = await repeat(MEASURE_S, () => topics.send());
      sent += measured;
      return measured;
    });
    const fetch = await cpuPerOrder(backends, async () => {
      await topics.readAll(sent);
      return sent;
    });
    return { send, fetch };
  } finally {
    await topics.drop();
  }
}

async function measureAnswers(backends: StartedBackends): Promise<number> {
  const body = answer({ orderId: 1_000_000, userId: USERS, productId: PRODUCTS });
  const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
  const server = createServer((request, response) => {
    request.resume().once('end', () => response.writeHead(202, headers).end(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const words = [backends.userTokens.file(), String(PRODUCTS), '0', 'floor', '0'];
  const load = { url: `http://127.0.0.1:${port}`, script: SCRIPT, words, connections: CONNECTIONS };
  try {
    await runWrk({ ...load, seconds: WARM_UP_S });
    return await cpuPerOrder(backends, async () => (await runWrk({ ...load, seconds: MEASURE_S })).requests);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Orders 1, 2, 3 …, uniform over users and products. */
function orderSource(): (count: number) => TrailOrder[] {
  let last = 0;
  return (count) =>
    Array.from({ length: count }, () => {
      last += 1;
      return { orderId: last, userId: (last % USERS) + 1, productId: (last % PRODUCTS) + 1 };
    });
}

/** @returns for how many orders it was done */
async function repeat(seconds: number, work: () => Promise<void>): Promise<number> {
  const end = performance.now() + seconds * 1000;
  let orders = 0;
  for (; performance.now() < end; orders += BATCH) await work();
  return orders;
}

/** µs, of this process and the servers. @param work gives for how many orders it was done */
async function cpuPerOrder({ processes }: StartedBackends, work: () => Promise<number>): Promise<number> {
  const total = () => {
    const { user, system } = process.cpuUsage();
    return user + system + [...cpuOf(processes).values()].reduce((sum, ms) => sum + ms * 1000, 0);
  };
  const before = total();
  const orders = await work();
  return (total() - before) / orders;
}
