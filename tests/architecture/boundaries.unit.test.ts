import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LEGAL_FILES, PACKAGE_FILES, PLANTED_IMPORTS } from './planted-imports.ts';
import { plantTree, removeTree, REPOSITORY } from './planted-tree.ts';

interface Cruise {
  readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[];
  readonly ruleSetUsed: { readonly forbidden: readonly { readonly name: string }[] };
}

/** Runs what `npm run check:boundaries` runs. */
function cruise(folder: string): Cruise {
  const output = execFileSync(
    process.execPath,
    [
      join(REPOSITORY, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'),
      ...['packages', 'services', 'infra', 'tests'],
      ...['--config', '.dependency-cruiser.cjs', '--output-type', 'json'],
    ],
    { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  return (JSON.parse(output) as { summary: Cruise }).summary;
}

describe('the import rules', () => {
  const legal = [...PACKAGE_FILES, ...LEGAL_FILES];
  const cases = Object.entries(PLANTED_IMPORTS).flatMap(([rule, files]) =>
    files.map(({ path }) => [rule, path] as const),
  );
  const folders: string[] = [];
  const reported = new Map<string, Set<string>>();
  let ruleNames: readonly string[] = [];

  function tree(files: typeof legal): string {
    const folder = plantTree(['.dependency-cruiser.cjs'], files);
    folders.push(folder);
    return folder;
  }

  beforeAll(() => {
    const { violations, ruleSetUsed } = cruise(tree([...legal, ...Object.values(PLANTED_IMPORTS).flat()]));
    ruleNames = ruleSetUsed.forbidden.map(({ name }) => name);
    for (const { from, rule } of violations)
      reported.set(from, (reported.get(from) ?? new Set()).add(rule.name));
  }, 60_000);

  afterAll(() => {
    folders.forEach(removeTree);
  });

  it('are silent on a layout in which every room imports all that it may', () => {
    expect(cruise(tree(legal)).violations).toEqual([]);
  }, 60_000);

  it('have a planted violation each', () => {
    expect(Object.keys(PLANTED_IMPORTS).sort()).toEqual([...ruleNames].sort());
  });

  it.each(cases)('%s is reported, and nothing else, for %s', (rule, path) => {
    expect([...(reported.get(path) ?? [])]).toEqual([rule]);
  });

  it('report only files that were planted to break them', () => {
    const planted = new Set(cases.map(([, path]) => path));
    expect([...reported.keys()].filter((path) => !planted.has(path))).toEqual([]);
  });
});
