import { describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { coalesce } from './coalesce.ts';

const sqlError = (code: string) =>
  Object.assign(new pg.DatabaseError('', 0, 'error'), { code, severity: 'ERROR' });

/** Doubles numbers; the batches it got are in `runs`, each with its start in ms. */
function doubling(options: Partial<Parameters<typeof coalesce<number, number>>[0]> = {}) {
  const runs: { at: number; batch: readonly number[] }[] = [];
  const run = jest.fn(async (batch: readonly number[]) => {
    runs.push({ at: performance.now(), batch });
    await new Promise(setImmediate);
    return batch.map((number) => number * 2);
  });
  const double = coalesce<number, number>({
    intervalMs: 30,
    maxBatch: 100,
    maxWaiting: 1000,
    run,
    ...options,
  });
  return { double, runs, run };
}

describe('coalesce', () => {
  it('joins the requests of one moment into one run and answers each its own', async () => {
    const { double, runs } = doubling();
    expect(await Promise.all([1, 2, 3].map(double))).toEqual([2, 4, 6]);
    expect(runs.map(({ batch }) => batch)).toEqual([[1, 2, 3]]);
  });

  it('runs the first request at once and what comes meanwhile together, an interval later', async () => {
    const { double, runs } = doubling({ intervalMs: 200 });
    const started = performance.now();
    await double(1);
    await Promise.all([2, 3].map(double));
    await double(4);
    expect(runs.map(({ batch }) => batch)).toEqual([[1], [2, 3], [4]]);
    expect(runs[0]!.at - started).toBeLessThan(200);
    expect(runs[1]!.at - runs[0]!.at).toBeGreaterThan(195);
    expect(runs[2]!.at - runs[1]!.at).toBeGreaterThan(195);
  });

  it('has one run at a time, of maxBatch at most', async () => {
    let running = 0;
    const most = { running: 0, batch: 0 };
    const double = coalesce<number, number>({
      intervalMs: 0,
      maxBatch: 3,
      maxWaiting: 100,
      run: async (batch) => {
        running += 1;
        most.running = Math.max(most.running, running);
        most.batch = Math.max(most.batch, batch.length);
        await new Promise(setImmediate);
        running -= 1;
        return batch.map((number) => number * 2);
      },
    });
    const numbers = Array.from({ length: 10 }, (_, index) => index);
    expect(await Promise.all(numbers.map(double))).toEqual(numbers.map((number) => number * 2));
    expect(most).toEqual({ running: 1, batch: 3 });
  });

  it('refuses at once beyond maxWaiting, and takes requests again afterwards', async () => {
    const { double } = doubling({ maxWaiting: 2 });
    const answers = await Promise.allSettled([1, 2, 3].map(double));
    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(answers[2]).toMatchObject({ reason: { code: 'OVERLOADED' } });
    expect(await double(4)).toBe(8);
  });

  it('halves a run that a request makes fail, until that request fails alone', async () => {
    const run = jest.fn(async (batch: readonly number[]) => {
      if (batch.includes(3)) throw new TypeError('three');
      return batch.map((number) => number * 2);
    });
    const { double } = doubling({ run });
    const answers = await Promise.allSettled([1, 2, 3, 4, 5].map(double));
    expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : answer.reason))).toEqual([
      2,
      4,
      new TypeError('three'),
      8,
      10,
    ]);
  });

  it.each(['23505', '40P01', '40001'])('runs again what fails with %s, which passes', async (code) => {
    const run = jest
      .fn<(batch: readonly number[]) => Promise<number[]>>()
      .mockRejectedValueOnce(sqlError(code))
      .mockImplementation(async (batch) => batch.map((number) => number * 2));
    const { double } = doubling({ run });
    expect(await Promise.all([1, 2].map(double))).toEqual([2, 4]);
    expect(run.mock.calls).toEqual([[[1, 2]], [[1, 2]]]);
  });

  it('hands a database that is away to all who wait, in one run', async () => {
    const away = Object.assign(new Error('gone'), { code: 'DATABASE_AWAY' });
    const run = jest.fn<(batch: readonly number[]) => Promise<number[]>>().mockRejectedValue(away);
    const { double } = doubling({ run });
    const answers = await Promise.allSettled([1, 2, 3].map(double));
    expect(answers.every((answer) => answer.status === 'rejected' && answer.reason === away)).toBe(true);
    expect(run).toHaveBeenCalledTimes(1);
  });

  it('gives up on an endless deadlock: each request hears of it', async () => {
    const run = jest
      .fn<(batch: readonly number[]) => Promise<number[]>>()
      .mockRejectedValue(sqlError('40P01'));
    const { double } = doubling({ run });
    await expect(double(1)).rejects.toMatchObject({ code: '40P01' });
    expect(run).toHaveBeenCalledTimes(4);
  });
});
