import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { z } from 'zod';
import { cpuOfEndedChildren } from '../accounting/cpu.ts';

export interface WrkRun {
  readonly url: string;
  /** A Lua script of bench/lua, by its full path, and its arguments. */
  readonly script: string;
  readonly words: readonly string[];
  readonly connections: number;
  readonly seconds: number;
}

const summarySchema = z.object({
  /** Requests that were answered. */
  requests: z.int(),
  seconds: z.number(),
  /** Answers of 4xx and 5xx. */
  refused: z.int(),
  /** Connections that broke and requests that timed out. */
  broken: z.int(),
  p50Ms: z.number(),
  p99Ms: z.number(),
});

/** What the generator saw, and the CPU time it took itself, ms. */
export type WrkResult = z.output<typeof summarySchema> & { readonly cpuMs: number };

/**
 * Closed loop: each connection sends its next request when it has the answer to the last.
 * @throws Error when wrk cannot be run or does not end with its summary
 */
export async function runWrk({ url, script, words, connections, seconds }: WrkRun): Promise<WrkResult> {
  const before = cpuOfEndedChildren();
  const args = ['-t', '1', '-c', String(connections), '-d', `${seconds}s`, '--timeout', '10s'];
  const { stdout } = await promisify(execFile)('wrk', [...args, '-s', script, url, '--', ...words], {
    timeout: (seconds + 30) * 1000,
  });
  const summary = stdout.trimEnd().split('\n').at(-1) ?? '';
  return { ...summarySchema.parse(JSON.parse(summary)), cpuMs: cpuOfEndedChildren() - before };
}
