import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import type { RunningStack } from '@orderflow/testing/running-stack';

const DEFAULT_GATEWAY = 'http://127.0.0.1:8080';
/** Between the outputs of two blocks; no answer of the API holds it. */
const BLOCK_ENDS = '\u001e';

/** The lines a reader pastes, block by block. */
function pastedBlocks(page: string): string[] {
  const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');
  const blocks = [...text.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, lines]) => lines!);
  if (!blocks[0]?.includes(DEFAULT_GATEWAY)) throw new Error(`${page} has no lines to try`);
  return blocks;
}

/** Pastes a page's blocks into one shell, from top to bottom. @returns what each block prints */
async function paste(page: string, gateway: string): Promise<string[]> {
  const script = pastedBlocks(page).join(`printf '${BLOCK_ENDS}'\n`).replace(DEFAULT_GATEWAY, gateway);
  // Without rc files: bash reads them when its input is a socket and the environment bare, as under a test runner.
  const words = ['--norc', '-eu', '-o', 'pipefail', '-c', script];
  const { stdout, stderr } = await promisify(execFile)('bash', words);
  expect(stderr).toBe('');
  return stdout.split(BLOCK_ENDS);
}

/** The JSON documents of an output, those of a stream among them. */
function documents(output: string): unknown[] {
  const bare = output.replaceAll(/id: \d+\n|event: status\n|data: (?=\{)|^:.*\n/gm, '');
  return bare.split(/(?<=\})\s*(?=\{)/).map((text) => JSON.parse(text) as unknown);
}

/** Status, headers that the page shows, and body of an answer printed with its head. */
function answer(output: string) {
  const [head = '', body = ''] = output.split('\r\n\r\n');
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]),
    isReplayed: /^idempotency-replayed: true\r?$/im.test(head),
    location: /^location: (\S+)\r?$/im.exec(head)?.[1],
    body: JSON.parse(body) as unknown,
  };
}

/** What the README and the page of client developers promise of their own commands. */
export function describeReadme(stack: () => RunningStack): void {
  describe('the README', () => {
    it('has lines that work as pasted: an order is paid, then refunded', async () => {
      const [output = ''] = await paste('README.md', stack().current().gateway);
      const answers = documents(output);
      expect(answers.slice(0, 3)).toMatchObject([
        { amount: '100.00', balance: '100.00' },
        { status: 'PAID', totalAmount: '25.00' },
        { failureReason: 'CANCELLED_BY_USER' },
      ]);
      expect(answers.slice(-3)).toMatchObject([
        { status: 'CANCELLED', failureReason: 'CANCELLED_BY_USER' },
        {
          data: [
            {},
            {},
            {},
            {},
            { type: 'ORDER_PAID' },
            { type: 'ORDER_CANCELLING' },
            { type: 'ORDER_CANCELLED' },
          ],
        },
        { amount: '100.00' },
      ]);
    }, 60_000);
  });

  describe('the page of client developers', () => {
    it('has lines that work as pasted, with the answers that it shows', async () => {
      const outputs = await paste('docs/client-developers.md', stack().current().gateway);
      const [door, money, browsed, ordered, again, reused, refused, watched, refunded, broken] = outputs;
      expect(outputs).toHaveLength(10);
      expect(door).toBe('');
      expect(documents(money!)).toMatchObject([{ amount: '50.00', balance: '50.00' }]);
      expect(documents(browsed!)).toMatchObject([{ data: expect.any(Array) }]);

      const paid = answer(ordered!);
      expect(paid).toMatchObject({
        status: 201,
        isReplayed: false,
        body: { status: 'PAID', totalAmount: '15.00' },
      });
      expect(answer(again!)).toEqual({ ...paid, isReplayed: true });
      expect(answer(reused!)).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
      expect(answer(refused!)).toMatchObject({
        status: 201,
        body: { status: 'CANCELLED', totalAmount: null, failureReason: 'OUT_OF_STOCK' },
      });
      expect(documents(watched!).at(-1)).toMatchObject({ status: 'PAID', totalAmount: '7.50' });
      expect(documents(refunded!).slice(-2)).toMatchObject([
        { status: 'CANCELLED', failureReason: 'CANCELLED_BY_USER' },
        {
          data: [
            { type: 'REFUND', amount: '7.50' },
            { type: 'CHARGE', amount: '7.50' },
          ],
        },
      ]);
      expect(answer(broken!)).toMatchObject({
        status: 400,
        body: { code: 'VALIDATION_FAILED', errors: [{ path: '/items/0/quantity' }] },
      });
    }, 60_000);
  });
}
