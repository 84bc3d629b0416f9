import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { GUARDS } from './guards.mjs';

const path = (file: string) => new URL(`../../${file}`, import.meta.url);

describe('the table of guards', () => {
  it.each(GUARDS)('finds $name once in its file, and suites that are to notice its absence', (guard) => {
    expect(readFileSync(path(guard.file), 'utf8').split(guard.text)).toHaveLength(2);
    expect(guard.replacement).not.toBe(guard.text);
    expect(guard.suites.length).toBeGreaterThan(0);
    for (const suite of guard.suites) {
      expect({ suite, exists: existsSync(path(suite)) }).toEqual({ suite, exists: true });
      expect(suite).toMatch(/\.(unit|int)\.test\.ts$/);
    }
  });

  it('calls each guard by a name of its own', () => {
    expect(new Set(GUARDS.map(({ name }) => name)).size).toBe(GUARDS.length);
  });
});
