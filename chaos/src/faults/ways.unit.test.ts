import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createTcpProxy, type TcpProxy } from '@orderflow/testing/tcp-proxy';
import { waitUntil } from '@orderflow/testing/wait-until';
import type { PlannedFault } from '../plan.ts';
import { seeded } from '../seeded.ts';
import type { Chaos, Strike } from './chaos.ts';
import { cut, loseAnswers, reset, silence, slow } from './ways.ts';

const CALLERS = 8;

/** Answers each chunk with itself, as a backend does a request. */
const backend = createServer((socket) => socket.on('error', () => undefined).pipe(socket));

let way: TcpProxy;
let callers: Caller[];

/** Asks again as soon as it is answered. */
class Caller {
  readonly #socket: Socket;
  answers = 0;
  /** The longest that it waited for an answer, in milliseconds. */
  waitedMs = 0;
  wasReset = false;
  #askedAt = 0;

  constructor(port: number) {
    this.#socket = connect({ host: '127.0.0.1', port });
    this.#socket.on('error', () => (this.wasReset = true));
    this.#socket.on('data', () => {
      this.answers += 1;
      this.waitedMs = Math.max(this.waitedMs, performance.now() - this.#askedAt);
      setTimeout(() => this.#ask(), 5);
    });
    this.#socket.once('connect', () => this.#ask());
  }

  #ask(): void {
    this.#askedAt = performance.now();
    this.#socket.write('?');
  }

  end(): void {
    this.#socket.destroy();
  }
}

beforeAll(() => new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve)));
afterAll(() => new Promise((resolve) => backend.close(resolve)));

beforeEach(async () => {
  way = await createTcpProxy({ host: '127.0.0.1', port: (backend.address() as AddressInfo).port });
  callers = [];
});
afterEach(async () => {
  for (const caller of callers) caller.end();
  await way.close();
});

async function call(): Promise<void> {
  callers = Array.from({ length: CALLERS }, () => new Caller(way.port));
  await expectAnswers();
}

async function expectAnswers(): Promise<void> {
  const before = callers.map(({ answers }) => answers);
  const isAnswered = () => callers.every(({ answers }, index) => answers > (before[index] ?? 0));
  await waitUntil(isAnswered, { what: 'an answer for each caller' });
}

function strike(how: Strike, lastsMs: number): Promise<string> {
  const chaos = { ways: { kafka: way } } as Partial<Chaos> as Chaos;
  const fault: PlannedFault = { number: 1, kind: 'cut', target: 'kafka', lastsMs, alone: false, seed: 1 };
  return how(chaos, fault, seeded(1));
}

const resetCallers = () => callers.filter(({ wasReset }) => wasReset).length;

describe('a fault of the way to a backend', () => {
  it.each([
    ['cut', cut, 100],
    ['silence', silence, 100],
    ['slow', slow, 100],
    ['reset', reset, 0],
    ['lose-answers', loseAnswers, 0],
  ])('%s does not count where nothing was on its way', async (_name, how, lastsMs) => {
    await expect(strike(how, lastsMs)).rejects.toThrow('nothing was on its way to kafka');
  });

  it('cut resets all, and heals', async () => {
    await call();
    expect(await strike(cut, 100)).toBe(`${CALLERS} connections reset or refused`);
    expect(resetCallers()).toBe(CALLERS);
    for (const caller of callers) caller.end();
    await call();
  });

  it.each([
    ['reset', reset, 'connections reset'],
    ['lose-answers', loseAnswers, 'answers lost'],
  ])('%s strikes those it chooses, no others', async (_name, how, what) => {
    await call();
    const told = await strike(how, 0);
    const count = Number.parseInt(told, 10);
    expect(told).toBe(`${count} ${what}`);
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(CALLERS);
    await waitUntil(() => resetCallers() === count, { what: 'those who were reset' });
  });

  it('silence lets no answer pass, resets nobody, and heals', async () => {
    await call();
    expect(await strike(silence, 300)).toBe(`${CALLERS} connections silent`);
    await expectAnswers();
    for (const { waitedMs } of callers) expect(waitedMs).toBeGreaterThan(250);
    expect(resetCallers()).toBe(0);
  });

  it('slow makes answers late, and loses none', async () => {
    await call();
    const told = await strike(slow, 1_000);
    expect(Number.parseInt(told, 10)).toBeGreaterThan(CALLERS);
    await expectAnswers();
    // At least 50 ms there and 50 back.
    for (const { waitedMs } of callers) expect(waitedMs).toBeGreaterThan(99);
    expect(resetCallers()).toBe(0);
  });
});
