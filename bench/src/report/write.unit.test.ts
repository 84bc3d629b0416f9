import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { format } from 'prettier';
import { sampleResult, sampleRounds } from './sample-result.test.ts';
import { writeReport } from './write.ts';

let dir: string;
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'bench-report-'))));
afterEach(() => rmSync(dir, { recursive: true }));

describe('the files of a run', () => {
  it('are named by the minute in UTC, the report shows the picture beside it', () => {
    const startedAt = '2026-11-22T23:45:00.000+01:00';
    const written = writeReport({ ...sampleResult, startedAt }, join(dir, 'results'));
    expect(written).toEqual({
      json: join(dir, 'results', '2026-11-22T2245.json'),
      markdown: join(dir, 'results', '2026-11-22T2245.md'),
      chart: join(dir, 'results', '2026-11-22T2245.svg'),
    });
    expect(readFileSync(written.markdown, 'utf8')).toContain('](2026-11-22T2245.svg)');
    expect(readFileSync(written.chart, 'utf8')).toMatch(/^<svg /);
  });

  it('hold four digits of what was measured, counts exactly, and the goals', () => {
    const throughput = { ours: sampleRounds([2488.123456], { orders: 24_887, fsyncsPerOrder: 0.0423456 }) };
    const { json } = writeReport({ ...sampleResult, throughput }, dir);
    const read = JSON.parse(readFileSync(json, 'utf8'));
    expect(read.throughput.ours[0]).toMatchObject({
      ordersPerSecond: 2488,
      orders: 24_887,
      fsyncsPerOrder: 0.04235,
    });
    expect(read.goals[5]).toMatchObject({ id: 'P6', verdict: 'aim reached' });
  });

  it('leave prettier nothing to do', async () => {
    const json = readFileSync(writeReport(sampleResult, dir).json, 'utf8');
    expect(await format(json, { parser: 'json', printWidth: 110 })).toBe(json);
  });
});
