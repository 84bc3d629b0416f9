import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PLANTED_STATEMENTS } from './planted-statements.ts';
import { plantTree, removeTree, REPOSITORY } from './planted-tree.ts';

interface LintMessage {
  readonly ruleId: string | null;
  readonly message: string;
}

interface LintResult {
  readonly filePath: string;
  readonly messages: readonly LintMessage[];
}

type SyntaxRule = readonly [number, ...{ readonly message: string }[]];

const ESLINT = join(REPOSITORY, 'node_modules/eslint/bin/eslint.js');
const ROOMS = ['services/coupon/src/domain/any.ts', 'services/coupon/src/any.ts', 'tests/any.e2e.test.ts'];

function eslint(folder: string, args: readonly string[]): string {
  const options = { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024, stdio: 'pipe' } as const;
  try {
    return execFileSync(process.execPath, [ESLINT, ...args], options);
  } catch (error) {
    // Exit code 1 says that something was found: the report is complete.
    const { status, stdout } = error as { status?: number; stdout?: string };
    if (status === 1 && stdout) return stdout;
    throw error;
  }
}

/** This repository's own rules are told apart by what they say, the others by name. */
function nameOf({ ruleId, message }: LintMessage): string {
  if (ruleId === 'no-restricted-syntax') return message;
  if (ruleId === null) return message.includes('noInlineConfig') ? 'inline' : message;
  return ruleId.replace('@typescript-eslint/', '');
}

describe('the lint rules', () => {
  const found = new Map<string, string[]>();
  let folder = '';

  beforeAll(() => {
    folder = plantTree(['eslint.config.mjs'], PLANTED_STATEMENTS);
    const results = JSON.parse(eslint(folder, ['.', '--format', 'json'])) as LintResult[];
    for (const { filePath, messages } of results) {
      found.set(filePath.slice(folder.length + 1), [...new Set(messages.map(nameOf))].sort());
    }
  }, 60_000);

  afterAll(() => {
    removeTree(folder);
  });

  it.each(
    PLANTED_STATEMENTS.map(
      ({ path, reported }) => [reported.join(' · ') || 'nothing', path, reported] as const,
    ),
  )('report %s for %s', (_title, path, reported) => {
    expect(found.get(path)).toEqual([...reported].sort());
  });

  it('have a planted violation for each restricted piece of syntax', () => {
    const configured = ROOMS.flatMap((path) => {
      const config = JSON.parse(eslint(folder, ['--print-config', path])) as {
        rules: Record<string, SyntaxRule>;
      };
      const [, ...restrictions] = config.rules['no-restricted-syntax'] ?? [0];
      return restrictions.map(({ message }) => message);
    });
    const planted = new Set(PLANTED_STATEMENTS.flatMap(({ reported }) => reported));
    expect(configured.filter((message) => !planted.has(message))).toEqual([]);
    expect(configured.length).toBeGreaterThan(30);
  }, 60_000);
});
