import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchResult } from '../result.ts';
import { chartSvg } from './chart.ts';
import { judge } from './goals.ts';
import { reportMarkdown } from './markdown.ts';

/** Four digits of a measured number say all it knows; whole numbers are counts and stay exact. */
function rounded(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
}

/** Full paths of what was written. */
export interface WrittenReport {
  readonly json: string;
  readonly markdown: string;
  readonly chart: string;
}

/**
 * Writes a run as JSON (with its goals), as a report and as a picture, named by the minute it began in UTC, as
 * `2026-11-22T1030.md`. Replaces a report of the same minute.
 */
export function writeReport(result: BenchResult, dir: string): WrittenReport {
  const name = new Date(result.startedAt).toISOString().slice(0, 16).replace(':', '');
  const written = {
    json: join(dir, `${name}.json`),
    markdown: join(dir, `${name}.md`),
    chart: join(dir, `${name}.svg`),
  };
  mkdirSync(dir, { recursive: true });
  writeFileSync(written.json, `${JSON.stringify({ ...result, goals: judge(result) }, rounded, 2)}\n`);
  writeFileSync(written.markdown, reportMarkdown(result, `${name}.svg`));
  writeFileSync(written.chart, chartSvg(result));
  return written;
}
