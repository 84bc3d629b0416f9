import { afterAll, describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { ABLATIONS, type Ablation, type Patch } from './ablations.ts';
import { patchModules } from './patch.ts';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const REGISTER = join(ROOT, 'bench', 'dist', 'ablations', 'register.js');

/** What a process of the bench sees of the module that it loads. */
async function sessionOfPool(ablation: string): Promise<string> {
  const program = `import { createPool } from '@orderflow/messaging/postgres';
    console.log(createPool({ url: 'postgres://nowhere', name: 'test' }).options.options);`;
  const args = ['--import', REGISTER, '--input-type=module', '-e', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, {
    cwd: join(ROOT, 'bench'),
    env: { ORDERFLOW_BENCH_ABLATION: ablation },
  });
  return stdout;
}

describe('ablations', () => {
  it.each(ABLATIONS)('$name changes the modules as they are built', (ablation) => {
    const modules = new Set(ablation.patches?.map(({ module }) => module));
    expect(patchModules(ablation, ROOT).size).toBe(modules.size);
    expect(modules.size + Object.keys(ablation.env ?? {}).length).toBeGreaterThan(0);
  });

  it('have names of their own', () => {
    expect(new Set(ABLATIONS.map(({ name }) => name)).size).toBe(ABLATIONS.length);
  });

  it('take the technique away from the process that loads the module', async () => {
    expect(await sessionOfPool('without-index-plans')).toContain('-c enable_seqscan=on');
    expect(await sessionOfPool('without-batches')).toContain('-c enable_seqscan=off');
  });

  it.each(['without-everything', ''])('end the process when none is called "%s"', async (name) => {
    await expect(sessionOfPool(name)).rejects.toThrow('ORDERFLOW_BENCH_ABLATION names no ablation');
  });

  describe('in a module of their own', () => {
    const root = mkdtempSync(join(tmpdir(), 'ablations-'));
    writeFileSync(join(root, 'shop.js'), 'open(); sell(); sell();');
    afterAll(() => rmSync(root, { recursive: true }));
    const planted = (...patches: Omit<Patch, 'module'>[]): Ablation => ({
      name: 'planted',
      instead: '',
      patches: patches.map((patch) => ({ module: 'shop.js', ...patch })),
    });

    it('change it one after the other', () => {
      const ablation = planted({ find: 'open()', replace: 'close()' }, { find: 'close', replace: 'rest' });
      expect([...patchModules(ablation, root)]).toEqual([
        [pathToFileURL(join(root, 'shop.js')).href, 'rest(); sell(); sell();'],
      ]);
    });

    it.each([
      { find: 'buy()', times: 0 },
      { find: 'sell()', times: 2 },
    ])('are refused when the text stands there $times times', ({ find, times }) => {
      expect(() => patchModules(planted({ find, replace: '' }), root)).toThrow(
        `ablation planted: shop.js is to hold once, and holds ${times} times: ${find}`,
      );
    });
  });
});
