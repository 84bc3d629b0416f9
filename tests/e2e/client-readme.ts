import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RunningStack } from '@orderflow/testing/running-stack';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const DEFAULT_GATEWAY = 'http://127.0.0.1:8080';

/** A client developer's own strict settings, without Node's types: what is shown works in browsers, too. */
const SETTINGS = {
  compilerOptions: {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    target: 'es2023',
    module: 'nodenext',
    lib: ['es2023', 'dom', 'dom.iterable'],
    types: [],
    outDir: 'dist',
  },
  files: ['readme.ts'],
};

/** The code blocks of the client's README, one program as a reader types it in, from top to bottom. */
function program(gateway: string): string {
  const readme = readFileSync(join(REPOSITORY, 'packages/client/README.md'), 'utf8');
  const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, block]) => block);
  const text = blocks.join('\n');
  if (!text.includes(DEFAULT_GATEWAY)) throw new Error('the client’s README names no gateway');
  return text.replace(DEFAULT_GATEWAY, gateway);
}

/** What the client's README promises of its own code. */
export function describeClientReadme(stack: () => RunningStack): void {
  describe('the client’s README', () => {
    let folder: string;

    beforeAll(() => {
      folder = mkdtempSync(join(realpathSync(tmpdir()), 'orderflow-client-'));
      symlinkSync(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
    });

    afterAll(() => rmSync(folder, { recursive: true, force: true }));

    it('has code that compiles under strict settings and does what it says', async () => {
      writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }));
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(SETTINGS));
      writeFileSync(join(folder, 'readme.ts'), program(stack().current().gateway));
      const run = (...words: readonly string[]) =>
        promisify(execFile)(process.execPath, words, { cwd: folder });
      // The compiler's complaints are on its standard output, which the error of a failed run holds.
      await run('node_modules/typescript/bin/tsc').catch((error: unknown) => {
        throw new Error((error as { stdout?: string }).stdout);
      });
      const { stdout, stderr } = await run('dist/readme.js');
      expect(stderr).toBe('');
      const lines = stdout.trim().split('\n');
      const watched = lines.slice(1, lines.indexOf('CANCELLED CANCELLED_BY_USER'));
      expect(watched.at(-1)).toBe('PAID');
      expect([lines[0], ...lines.slice(1 + watched.length)]).toEqual([
        'PAID 25.00',
        'CANCELLED CANCELLED_BY_USER',
        'OUT_OF_STOCK changed items',
        '75.00',
        'a later order: CANCELLED',
        'a later order: CANCELLED',
        'the first order: PAID',
        '201 80.00',
      ]);
    }, 120_000);
  });
}
