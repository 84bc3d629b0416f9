import { afterAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
// As it is built: what it writes names the built hook.
import { patchModules, writePreload, type Patch } from '@orderflow/testing/patched-modules';

describe('patches', () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'patched-modules-')));
  writeFileSync(join(root, 'shop.mjs'), "console.log('open', 'sell', 'sell');");
  afterAll(() => rmSync(root, { recursive: true }));
  const planted = (...patches: Omit<Patch, 'module'>[]) =>
    patchModules(
      { name: 'planted', patches: patches.map((patch) => ({ module: 'shop.mjs', ...patch })) },
      root,
    );

  it('change a module one after the other', () => {
    const modules = planted({ find: 'open', replace: 'closed' }, { find: 'closed', replace: 'at rest' });
    expect([...modules]).toEqual([
      [pathToFileURL(join(root, 'shop.mjs')).href, "console.log('at rest', 'sell', 'sell');"],
    ]);
  });

  it.each([
    { find: 'buy', times: 0 },
    { find: 'sell', times: 2 },
  ])('are refused when the text stands there $times times', ({ find, times }) => {
    expect(() => planted({ find, replace: '' })).toThrow(
      `planted: shop.mjs is to hold once, and holds ${times} times: ${find}`,
    );
  });

  it('change what the program after the preloaded module runs, and nothing in the file', () => {
    const preload = join(root, 'preload.mjs');
    writePreload(preload, planted({ find: "'open'", replace: '"it\u2019s open"' }));
    const run = (...words: string[]) => execFileSync(process.execPath, [...words, join(root, 'shop.mjs')]);
    expect(String(run('--import', pathToFileURL(preload).href))).toBe('it\u2019s open sell sell\n');
    expect(String(run())).toBe('open sell sell\n');
  });
});
