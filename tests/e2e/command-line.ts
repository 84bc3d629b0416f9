import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { waitUntil } from '@orderflow/testing/wait-until';
import { newProduct } from './people.ts';
import { bash, REPOSITORY, runIn, type Ended } from './programs.ts';
import type { RunningStack } from '@orderflow/testing/running-stack';
import { publish } from './topics.ts';

const BIN = join(REPOSITORY, 'infra/cli/bin/orderflow.mjs');
const PAGE = join(REPOSITORY, 'docs/operators.md');
/** What the operators' page shows; a test runs it with ids and ports of its own stack. */
const PAGE_ORDER = 'order show 7';
const PAGE_LETTER = 'coupon 12';
const PAGE_ORDER_PROCESS = 'http://127.0.0.1:9081';
const PAGE_FOLDER = './schemas';

interface Letter {
  readonly service: string;
  readonly id: number;
  readonly topic: string;
  readonly reason: string;
}

interface Placed {
  readonly orders: readonly {
    id: number;
    userId: number;
    status: string;
    stages: readonly { type: string }[];
  }[];
  readonly summary: {
    readonly placed: number;
    readonly paid: number;
    readonly refused: Record<string, number>;
  };
}

/** The command line as its user runs it: a process, its words, its exit code. */
export function describeCommandLine(stack: () => RunningStack): void {
  const orderflow = (...words: readonly string[]) => runIn(stack().stateDir, process.execPath, BIN, ...words);
  const json = async <Result>(...words: readonly string[]): Promise<Result> => {
    const { code, out, error } = await orderflow(...words, '--json');
    if (code !== 0) throw new Error(`${words.join(' ')} ended with ${code}: ${error}`);
    return JSON.parse(out) as Result;
  };

  describe('the command line', () => {
    describeOrders(stack, orderflow, json);
    describeLooks(orderflow, json);
    describeDeadLetters(stack, orderflow, json);
    describePage(stack, orderflow, json);
    describeEnds(stack, orderflow);
  });
}

type Orderflow = (...words: readonly string[]) => Promise<Ended>;
type Json = <Result>(...words: readonly string[]) => Promise<Result>;

function describeOrders(stack: () => RunningStack, orderflow: Orderflow, json: Json): void {
  it('places orders, follows each to its end, and finds them again', async () => {
    const product = await newProduct(stack());
    const { orders, summary } = await json<Placed>(
      'order',
      'place',
      '-n',
      '5',
      '--item',
      `${product.id}:2`,
      '--watch',
    );
    expect(summary).toMatchObject({ placed: 5, paid: 5, refused: {} });
    const way = ['ORDER_CREATED', 'STOCK_RESERVED', 'COUPON_APPLIED', 'BALANCE_CHARGED', 'ORDER_PAID'];
    expect(orders.map(({ stages }) => stages.map(({ type }) => type))).toEqual(orders.map(() => way));
    const [first = { id: 0, userId: 0 }] = orders;

    const shown = await orderflow('order', 'show', String(first.id));
    expect(shown).toMatchObject({ code: 0, error: '' });
    expect(shown.out).toContain(`Order ${first.id} of user ${first.userId}: PAID`);
    expect(await json('order', 'show', String(first.id))).toMatchObject({
      status: 'PAID',
      events: { length: 5 },
    });

    const list = await json<{ id: number }[]>('order', 'list', '--user', String(first.userId), '--all');
    expect(list.map(({ id }) => id).sort()).toEqual(orders.map(({ id }) => id).sort());
    const two = await orderflow('order', 'list', '--user', String(first.userId), '--limit', '2');
    expect(two.out.match(/ PAID /g)).toHaveLength(2);
  }, 60_000);

  it('says why an order was refused, in a line with the time of every stage', async () => {
    const { code, out, error } = await orderflow('order', 'place', '--item', '999999999', '--watch');
    expect(code).toBe(0);
    expect(out).toMatch(
      /^order \d+ +CANCELLED PRODUCT_NOT_FOUND {2}[\d.]+ m?s: .*ORDER_CANCELLED [\d.]+ m?s\n$/,
    );
    expect(error).toMatch(/1 placed in .*: 0 paid, 1 PRODUCT_NOT_FOUND\n$/);
  }, 60_000);
}

function describeLooks(orderflow: Orderflow, json: Json): void {
  it('reads a topic, each message checked against its contract, a line of JSON each', async () => {
    const words = [
      'topics',
      'tail',
      'order-paid',
      '--from',
      'beginning',
      '--no-follow',
      '--validate',
      '-n',
      '3',
    ];
    const { code, out } = await orderflow(...words, '--json');
    expect(code).toBe(0);
    const messages = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    const message = { topic: 'order-paid', type: 'order.paid.v1', valid: true, error: null };
    expect(messages).toMatchObject([message, message, message]);
  }, 60_000);

  it('finds a healthy stack healthy', async () => {
    const doctor = await orderflow('doctor');
    expect(doctor).toMatchObject({ code: 0, error: '' });
    expect(doctor.out).not.toContain('✘');
    const { findings } = await json<{ findings: { what: string; state: string }[] }>('doctor');
    expect(findings.filter(({ state }) => state === 'failed')).toEqual([]);
    expect(findings.map(({ what }) => what)).toEqual(expect.arrayContaining(['Kafka', 'Redis', 'lag']));
  }, 60_000);

  it('shows saga, lag and outbox, and finds the books exact', async () => {
    expect(await json('saga', 'status')).toMatchObject({ stuck: 0 });
    expect((await orderflow('saga', 'stuck')).out).toBe('No order is stuck.\n');
    const outbox = await json<{ data: unknown[]; unavailable: string[] }>('outbox', 'status');
    expect([outbox.data.length, outbox.unavailable]).toEqual([5, []]);
    expect((await orderflow('lag')).out).toMatch(/^coupon\.apply +stock-reserved +\d+/m);
    expect(await json('reconcile')).toMatchObject({ ok: true });
  }, 120_000);

  it('writes every contract to a folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'orderflow-schemas-'));
    try {
      const { files } = await json<{ files: string[] }>('schemas', 'export', folder);
      expect(readdirSync(folder).sort()).toEqual([...files].sort());
      for (const file of files) JSON.parse(readFileSync(join(folder, file), 'utf8'));
      expect(files).toEqual(expect.arrayContaining(['order.paid.v1.json', 'openapi.json']));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 30_000);
}

/** Parks one message for coupon.apply, and one for order.advance, which reads the same topic. */
async function park(stack: RunningStack, json: Json): Promise<Letter> {
  await publish(stack, [
    { topic: 'stock-reserved', key: Buffer.from('1'), value: Buffer.from('not JSON'), headers: {} },
  ]);
  const open = async () =>
    (await json<{ data: Letter[] }>('dead-letters', 'list', '--topic', 'stock-reserved')).data;
  let letters: Letter[] = [];
  await waitUntil(async () => (letters = await open()).length >= 2, {
    what: 'two dead letters',
    timeoutMs: 60_000,
    intervalMs: 500,
  });
  const letter = letters.find(({ service }) => service === 'coupon');
  if (!letter) throw new Error('none for the coupon service');
  return letter;
}

async function discardAll(orderflow: Orderflow): Promise<void> {
  for (const service of ['coupon', 'order']) {
    await orderflow(
      'dead-letters',
      'discard',
      service,
      '--topic',
      'stock-reserved',
      '--note',
      'planted',
      '--yes',
    );
  }
}

function describeDeadLetters(stack: () => RunningStack, orderflow: Orderflow, json: Json): void {
  it('shows a dead letter, replays it in vain, and discards it with a note', async () => {
    const { id } = await park(stack(), json);
    const shown = await orderflow('dead-letters', 'show', 'coupon', String(id));
    expect(shown.out).toMatch(/step coupon\.apply\n[^]*\n\nnot JSON\n$/);
    expect((await orderflow('doctor')).out).toContain('→ orderflow dead-letters list');

    const chosen = ['coupon', String(id), '--note', 'as it was'];
    expect(await json('dead-letters', 'discard', ...chosen, '--dry-run')).toMatchObject({ matched: 1 });
    const replayed = await orderflow('dead-letters', 'replay', ...chosen);
    expect(replayed.code).toBe(1);
    expect(replayed.out).toMatch(new RegExp(`1 refused\n {2}${id} [A-Z_]+: `));

    await discardAll(orderflow);
    expect(await json('dead-letters', 'show', 'coupon', String(id))).toMatchObject({
      outcome: 'DISCARDED',
      note: 'planted',
    });
    expect((await orderflow('dead-letters', 'list')).out).not.toContain('stock-reserved');
  }, 120_000);
}

function describePage(stack: () => RunningStack, orderflow: Orderflow, json: Json): void {
  describe('the operators’ page', () => {
    const blocks = [...readFileSync(PAGE, 'utf8').matchAll(/```sh\n([\s\S]*?)```/g)].map(
      ([, text = '']) => text,
    );
    let folder: string;
    let letter: Letter;
    let order: string;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'orderflow-page-'));
      letter = await park(stack(), json);
      // A repeated request takes an id that no order gets, so the page's 7 may be none.
      const [last] = await stack().sql<{ id: string }>('order', 'SELECT max(id) AS id FROM orders');
      order = last?.id ?? '';
    }, 60_000);

    afterAll(async () => {
      rmSync(folder, { recursive: true, force: true });
      await discardAll(orderflow);
    }, 30_000);

    it.each(blocks)(
      'has commands that work as pasted: %s',
      async (block) => {
        const script = block
          .replaceAll(PAGE_LETTER, `coupon ${letter.id}`)
          .replaceAll(PAGE_ORDER, `order show ${order}`)
          .replaceAll(PAGE_ORDER_PROCESS, stack().current().internal['order'] ?? '')
          .replaceAll(PAGE_FOLDER, folder);
        // `npx orderflow` is this very file, found by npm's link.
        const npx = `npx() { shift; '${process.execPath}' '${BIN}' "$@"; }`;
        expect(await bash(stack().stateDir, `${npx}\n${script}`)).toMatchObject({ code: 0 });
      },
      120_000,
    );
  });
}

function describeEnds(stack: () => RunningStack, orderflow: Orderflow): void {
  it('tells what the API refuses with its code, and without a stack trace', async () => {
    const { code, out, error } = await orderflow('saga', 'nudge', '1');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(error).toMatch(/^NOT_CANCELLING: order 1 is [A-Z]+ \(request \S+\)\n$/);
    const unknown = await orderflow('steps', 'resume', 'no.step');
    expect(unknown.error).toMatch(/^STEP_NOT_FOUND: [^\n]*\n$/);
  }, 30_000);

  it('resumes a step', async () => {
    expect(await orderflow('steps', 'resume', 'coupon.apply')).toMatchObject({
      code: 0,
      out: 'coupon.apply goes on\n',
    });
  }, 30_000);

  it('ends with 69 when no stack is there', async () => {
    const nowhere = await runIn(join(stack().stateDir, 'nowhere'), process.execPath, BIN, 'lag');
    expect(nowhere).toMatchObject({ code: 69, out: '' });
    expect(nowhere.error).toMatch(/^No stack runs from .*npm start/);
  }, 30_000);

  it('ends quietly when its reader goes away', async () => {
    const tail = `'${process.execPath}' '${BIN}' topics tail order-created --from beginning --no-follow`;
    const { code, out, error } = await bash(stack().stateDir, `${tail} | head -n 1`);
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(out.trim().split('\n')).toHaveLength(1);
  }, 30_000);
}
