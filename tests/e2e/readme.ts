import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import type { RunningStack } from './running-stack.ts';

const README = new URL('../../README.md', import.meta.url);
const DEFAULT_GATEWAY = 'http://127.0.0.1:8080';

/** The lines a reader pastes. */
function pastedLines(): string {
  const [, lines] = /```sh\n([\s\S]*?)```/.exec(readFileSync(README, 'utf8')) ?? [];
  if (!lines?.includes(DEFAULT_GATEWAY)) throw new Error('the README has no lines to try');
  return lines;
}

/** What the README promises of its own commands. */
export function describeReadme(stack: () => RunningStack): void {
  describe('the README', () => {
    it('has lines that work as pasted: an order is paid, then refunded', async () => {
      const script = pastedLines().replace(DEFAULT_GATEWAY, stack().current().gateway);
      // Without rc files: bash reads them when its input is a socket and the environment bare, as under a test runner.
      const words = ['--norc', '-eu', '-o', 'pipefail', '-c', script];
      const { stdout, stderr } = await promisify(execFile)('bash', words);
      expect(stderr).toBe('');
      const answers = stdout.split(/(?<=\})(?=\{)/).map((text) => JSON.parse(text) as object);
      expect(answers).toMatchObject([
        { amount: '100.00', balance: '100.00' },
        { status: 'PAID', totalAmount: '25.00' },
        { data: [{}, {}, {}, {}, { type: 'ORDER_PAID' }] },
        { failureReason: 'CANCELLED_BY_USER' },
        { data: [{}, {}, {}, {}, {}, { type: 'ORDER_CANCELLING' }, { type: 'ORDER_CANCELLED' }] },
        { amount: '100.00' },
      ]);
    }, 60_000);
  });
}
