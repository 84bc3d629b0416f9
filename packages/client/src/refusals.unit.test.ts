import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { REFUSALS, type RetryAdvice } from './refusals.ts';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');

function rowOf({ retry, change, afterSeconds }: RetryAdvice): string[] {
  return [
    retry,
    change ?? '',
    afterSeconds === 0 ? 'at once' : afterSeconds === null ? '' : `${afterSeconds} s`,
  ];
}

describe('the advice for refused orders', () => {
  it('is what the README’s table says', () => {
    const rows = [
      ...read('README.md').matchAll(/^\| `([A-Z_]+)` +\| `(\w+)` +\| `?(\w*)`? *\| ([\w ]*?) *\|$/gm),
    ];
    const table = Object.fromEntries(rows.map(([, reason, ...cells]) => [reason, cells]));
    const advice = Object.entries(REFUSALS).map(([reason, given]) => [reason, rowOf(given)]);
    expect(table).toEqual(Object.fromEntries(advice));
  });

  it('covers the reasons of the API’s document, each once', () => {
    const { components } = JSON.parse(read('openapi.json')) as {
      components: { schemas: { Order: { properties: { failureReason: unknown } } } };
    };
    const listed = JSON.stringify(components.schemas.Order.properties.failureReason);
    const reasons = [...listed.matchAll(/"([A-Z]+(?:_[A-Z]+)*)"/g)].map(([, reason]) => reason);
    expect([...new Set(reasons)].sort()).toEqual(Object.keys(REFUSALS).sort());
  });
});
