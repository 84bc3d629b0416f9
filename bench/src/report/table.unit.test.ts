import { describe, expect, it } from '@jest/globals';
import { sampleRounds } from './sample-result.test.ts';
import { liveTable, progressLine } from './table.ts';

const position = { entry: 'monolith-pg', round: 3, rounds: 5, steps: 40 };
const MINUTE_MS = 60_000;

describe('the table while it runs', () => {
  it('stands in columns, ratios to ours of the same rounds', () => {
    const throughput = {
      ours: sampleRounds([2400, 2200]),
      'monolith-pg': sampleRounds([1200]),
      naive: [],
    };
    expect(liveTable(throughput)).toEqual([
      'entry        rounds  orders/s            × ours  CPU-ms  fsyncs',
      'ours              2     2,300  1.00 [1.00–1.00]   0.650  0.0400',
      'monolith-pg       1     1,200             0.500   0.650  0.0400',
    ]);
  });

  it('is not there before the first round', () => {
    expect(liveTable({ ours: [] })).toEqual([]);
  });
});

describe('the line of progress', () => {
  it('says where the run is and how long it may still take', () => {
    expect(progressLine({ ...position, step: 11, elapsedMs: 5 * MINUTE_MS })).toBe(
      '[11/40] monolith-pg, round 3 of 5 … about 15 min left',
    );
    expect(progressLine({ ...position, step: 40, elapsedMs: 20 * MINUTE_MS })).toBe(
      '[40/40] monolith-pg, round 3 of 5 … less than a minute left',
    );
  });

  it('does not guess before a step is over', () => {
    expect(progressLine({ ...position, step: 1, elapsedMs: 10 })).toBe('[1/40] monolith-pg, round 3 of 5');
  });
});
