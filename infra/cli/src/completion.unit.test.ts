import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { bashCompletion } from './completion.ts';
import { createProgram } from './program.ts';

const nothing = () => {
  throw new Error('nothing runs here');
};
const program = createProgram(
  { screen: nothing, target: nothing, signal: new AbortController().signal, done: nothing },
  { out: nothing, error: nothing },
);

/** What bash offers for the last of these words. */
function completed(...words: readonly string[]): string[] {
  const typed = words.map((word) => `'${word}'`).join(' ');
  const ask = `COMP_WORDS=(orderflow ${typed}); COMP_CWORD=${words.length}; _orderflow; echo "\${COMPREPLY[*]}"`;
  const script = `${bashCompletion(program)}\n${ask}`;
  const { stdout, stderr } = spawnSync('bash', ['--norc', '-c', script], { encoding: 'utf8' });
  if (stderr !== '') throw new Error(stderr);
  return stdout.split(/\s+/).filter((word) => word !== '');
}

describe('completion in bash', () => {
  it.each([
    [['do'], ['doctor']],
    [['order', 'pl'], ['place']],
    [['order', 'place', '--wa'], ['--watch']],
    [['order', 'show', '7', '--js'], ['--json']],
    [
      ['--json', 'dead-letters', ''],
      ['list', 'show', 'replay', 'discard'],
    ],
    [['dead-letters', 'replay', 'coupon', '--dry'], ['--dry-run']],
    [['nonsense', 'sag'], ['saga']],
  ])('offers what may follow: %j', (words, offered) => {
    expect(completed(...words)).toEqual(expect.arrayContaining(offered));
    if (words.at(-1) !== '') expect(completed(...words)).toEqual(offered);
  });
});
