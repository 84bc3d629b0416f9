import { describe, expect, it } from '@jest/globals';
import { differences, median, ratios, summaryOf } from './statistics.ts';

describe('statistics of rounds', () => {
  it('takes the middle value by size, not by the digits it is written with', () => {
    expect(median([10, 9, 1000])).toBe(10);
  });

  it('takes the mean of the two in the middle', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  it('has no median without values', () => {
    expect(() => median([])).toThrow(RangeError);
  });

  it('does not outvote a round that measured nothing', () => {
    expect(median([NaN, 1, 2])).toBeNaN();
  });

  it('leaves the values in their order', () => {
    const rounds = [3, 1, 2];
    median(rounds);
    expect(rounds).toEqual([3, 1, 2]);
  });

  it('sums up: how many, the middle, the ends', () => {
    expect(summaryOf([3, 1, 2])).toEqual({ count: 3, median: 2, min: 1, max: 3 });
    expect(summaryOf([])).toBeUndefined();
  });

  it('compares each round with its neighbour: a slow minute slows both', () => {
    expect(ratios([2000, 1000, 4000], [1000, 500, 2000])).toEqual([2, 2, 2]);
    expect(differences([0.5, 1], [0.25, 2])).toEqual([0.25, -1]);
  });

  it('leaves out rounds that one of the two does not have', () => {
    expect(ratios([4, 6, 8], [2, 3])).toEqual([2, 2]);
    expect(ratios([4], [2, 3])).toEqual([2]);
    expect(ratios([], [2])).toEqual([]);
  });
});
