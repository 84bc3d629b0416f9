import { describe, expect, it } from '@jest/globals';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { patchModules } from '@orderflow/testing/patched-modules';
import { ABLATIONS } from './ablations.ts';

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
    const settings = [...Object.keys(ablation.env ?? {}), ...(ablation.nodeArgs ?? [])];
    expect(modules.size + settings.length).toBeGreaterThan(0);
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
});
