import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkPortsFree, planPorts, PORT_OFFSET_VARIABLE, type Ports } from '@orderflow/local/ports';
import { ROOT } from '@orderflow/local/settings';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { countOrders, type OrderCounts } from './count-orders.ts';
import { BOUND, RECORDED } from './recorded.ts';

/** 40 s when the machine does little else. */
const LIMIT_MS = 180_000;

async function findPorts(): Promise<Ports> {
  for (let tries = 0; ; tries += 1) {
    // Clear of the default ports, of those the kernel gives out (32768 and above), and of 10080, which fetch refuses.
    const offset = String(2100 + 100 * Math.floor(Math.random() * 179));
    const ports = planPorts({ [PORT_OFFSET_VARIABLE]: offset });
    try {
      await checkPortsFree(ports);
      return ports;
    } catch (error) {
      if (tries > 20) throw error;
    }
  }
}

/** Counted once, before the tests of a block. */
function countBeforeAll(lines: number): () => OrderCounts {
  const dir = mkdtempSync(join(tmpdir(), 'orderflow-gate-'));
  let counted: OrderCounts = { counts: {}, violations: [] };
  beforeAll(async () => {
    const kafkaLibs = join(ROOT, '.local', 'kafka', 'libs');
    counted = await countOrders({ root: ROOT, dir, kafkaLibs, ports: await findPorts(), lines });
  }, LIMIT_MS);
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return () => counted;
}

describe('1,000 orders that lie ready in the topic', () => {
  const counted = countBeforeAll(1);

  it('end in books without a fault', () => {
    expect(counted().violations).toEqual([]);
  });

  it('have each of their counts recorded', () => {
    expect(Object.keys(counted().counts).sort()).toEqual(Object.keys(RECORDED).sort());
  });

  it.each(Object.entries(RECORDED))(`take at most ${BOUND} times the recorded %s: %d`, (name, recorded) => {
    expect(counted().counts[name]).toBeLessThanOrEqual(BOUND * recorded);
  });
});

/** What an order's lines must not multiply; bytes, and with them requests of bounded size, do grow. */
const SHARED = Object.entries(RECORDED).filter(([name]) => !/bytes|Produce/.test(name));

describe('1,000 orders of eight lines', () => {
  const counted = countBeforeAll(8);

  it('end in books without a fault', () => {
    expect(counted().violations).toEqual([]);
  });

  it.each(SHARED)(`take at most ${BOUND} times what orders of one line take, %s: %d`, (name, recorded) => {
    expect(counted().counts[name]).toBeLessThanOrEqual(BOUND * recorded);
  });
});
