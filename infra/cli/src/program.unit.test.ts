import { describe, expect, it } from '@jest/globals';
import { CommanderError } from 'commander';
import { CommandFailure, describeFailure } from './failure.ts';
import { createProgram } from './program.ts';
import { findTarget } from './target.ts';

/** Parses words as the process does; what would need a stack ends with `no stack here`. */
async function call(...words: readonly string[]) {
  let printed = '';
  const print = (text: string) => {
    printed += text;
  };
  const program = createProgram(
    {
      screen: () => ({ json: false, interactive: false, out: print, note: print }),
      target: () => {
        throw new CommandFailure('no stack here', 69);
      },
      signal: new AbortController().signal,
      done: () => undefined,
    },
    { out: print, error: print },
  );
  const error: unknown = await program.parseAsync(words, { from: 'user' }).catch((thrown: unknown) => thrown);
  return { printed, error };
}

describe('arguments', () => {
  it.each([
    [['order', 'place', '--bogus'], '--bogus'],
    [['order', 'place', '-n', 'x'], '--count'],
    [['order', 'place', '-n', '0'], '--count'],
    [['order', 'place', '--item', '1:2:3'], '--item'],
    [['order', 'place', '--item', '1:0'], '--item'],
    [['order', 'list', '--status', 'DONE'], '--status'],
    [['order', 'show'], 'id'],
    [['order', 'show', '-1'], '-1'],
    [['order', 'show', '1', '2'], 'too many arguments'],
    [['topics', 'tail', 'order-paid', '--from', '10x'], '--from'],
    [['dead-letters', 'list', '--reason', 'BAD'], '--reason'],
    [['dead-letters', 'show', 'basket', '1'], 'service'],
    [['dead-letters', 'replay', 'coupon', '1'], '--note'],
    [['dead-letters', 'discard', 'coupon', '1,x', '--note', 'why'], 'ids'],
    [['saga', 'nudge', 'seven'], 'id'],
    [['reconcile', '--wait', '1.5'], '--wait'],
    [['completion', 'tcsh'], 'tcsh'],
    [['nonsense'], 'nonsense'],
  ])('are refused by name before anything is asked: %j', async (words, named) => {
    const { printed, error } = await call(...words);
    expect(error).toBeInstanceOf(CommanderError);
    expect(printed).toMatch(/^error: /);
    expect(printed).toContain(named);
  });

  it.each([
    ['order', 'place', '-n', '50', '--rate', '10', '--item', '3:2', '--item', '4', '--watch', '--json'],
    ['--json', 'order', 'list', '--status', 'PAID', '--all'],
    ['topics', 'tail', 'order-paid', '--from', '2h', '--no-follow', '-n', '3'],
    ['dead-letters', 'replay', 'user-balance', '1', '2,3', '--note', 'why', '--rate', '5', '--yes'],
    ['saga', 'nudge', '--all'],
  ])('are taken: %s %s %s …', async (...words) => {
    expect((await call(...words)).error).toEqual(new CommandFailure('no stack here', 69));
  });

  it('have help with an example for every command', async () => {
    const { printed } = await call('dead-letters', 'replay', '--help');
    expect(printed).toContain('--dry-run');
    expect(printed).toContain('Examples:');
  });
});

describe('the stack that is talked to', () => {
  const stateDir = '/nonexistent';

  it('is asked for with 69 when none runs, and with 78 when its token is missing', () => {
    expect(() => findTarget({ stateDir })).toThrow(expect.objectContaining({ exitCode: 69 }));
    expect(() => findTarget({ stateDir, gateway: 'http://x' })).toThrow(
      expect.objectContaining({ exitCode: 78 }),
    );
    const elsewhere = findTarget({ stateDir, gateway: 'http://x', token: 'token' });
    expect(elsewhere.local).toBeNull();
    expect(() => elsewhere.brokers()).toThrow(expect.objectContaining({ exitCode: 78 }));
    expect(findTarget({ stateDir, gateway: 'http://x', token: 't', brokers: 'a:1,b:2' }).brokers()).toEqual([
      'a:1',
      'b:2',
    ]);
  });

  it('lets an error say what it is, in one line and with the exit code of a failure', () => {
    expect(describeFailure(new Error('broken'))).toEqual({ message: 'broken', exitCode: 1 });
    expect(describeFailure(new CommandFailure('wrong', 2))).toEqual({ message: 'wrong', exitCode: 2 });
  });
});
