import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');

const CONFIGS = [
  'packages/service-runtime/src/config.ts',
  ...['order', 'payment', 'product', 'coupon', 'user-balance', 'gateway'].map(
    (service) => `services/${service}/src/config.ts`,
  ),
];

/** Each variable the processes read, with the defaults its schemas give it. */
function variables(): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const text of CONFIGS.map(read)) {
    for (const [, name = '', schema = ''] of text.matchAll(
      /^ {2,4}([A-Z][A-Z_]+):((?:.*\n(?! {2,4}[A-Z/}]))*.*)/gm,
    )) {
      const [, value] = /default(?:\(|: )'?([^',)} ]+)/.exec(schema) ?? [];
      const defaults = found.get(name) ?? new Set();
      if (value !== undefined) defaults.add(value.replaceAll('_', ''));
      found.set(name, defaults);
    }
  }
  return found;
}

describe('the operators’ page', () => {
  const [, settings = ''] = read('docs/operators.md').split('\n## Settings\n');

  it('names every setting there is, and none that is not', () => {
    const named = [...settings.matchAll(/`([A-Z][A-Z_]+)`/g)].map(([, name = '']) => name);
    expect(new Set(named)).toEqual(new Set(variables().keys()));
  });

  it('gives each its default', () => {
    const rows = [...settings.matchAll(/^\|[^|]*\| `([A-Z_]+)`[^|]*\|([^|]*)\|/gm)];
    const given = rows.map(([, name = '', cell = '']) => [
      name,
      cell
        .split(',')
        .map((value) => value.trim())
        .filter(Boolean),
    ]);
    const all = variables();
    expect(given).toEqual(given.map(([name]) => [name, [...(all.get(String(name)) ?? [])]]));
  });
});
