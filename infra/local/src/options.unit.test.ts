import { describe, expect, it } from '@jest/globals';
import { parseOptions } from './options.ts';

function parse(...words: string[]) {
  const printed: string[] = [];
  const print = { out: (text: string) => printed.push(text), error: (text: string) => printed.push(text) };
  return { parsed: parseOptions(words, print), printed: printed.join('') };
}

describe('parseOptions', () => {
  it('runs the demo with 200 orders and stays up by default', () => {
    const options = { once: false, demo: true, orders: 200, fresh: false };
    expect(parse().parsed).toEqual({ kind: 'start', options });
  });

  it('reads each option', () => {
    const options = { once: true, demo: false, orders: 7, fresh: true };
    expect(parse('--once', '--no-demo', '--orders', '7', '--fresh').parsed).toEqual({
      kind: 'start',
      options,
    });
  });

  it.each(['0', '-1', '1.5', '1e3', 'many', '100001'])('refuses %s orders as a usage error', (orders) => {
    const { parsed, printed } = parse('--orders', orders);
    expect(parsed).toEqual({ kind: 'exit', code: 2 });
    expect(printed).toContain('whole number from 1 to 100000');
  });

  it('refuses an unknown option as a usage error', () => {
    const { parsed, printed } = parse('--twice');
    expect(parsed).toEqual({ kind: 'exit', code: 2 });
    expect(printed).toContain("unknown option '--twice'");
  });

  it('prints help with the variables that move ports and state', () => {
    const { parsed, printed } = parse('--help');
    expect(parsed).toEqual({ kind: 'exit', code: 0 });
    expect(printed).toContain('ORDERFLOW_PORT_OFFSET');
    expect(printed).toContain('ORDERFLOW_STATE_DIR');
  });
});
