import { describe, expect, it } from '@jest/globals';
import { issuedPerSecond, violationsOf, type RacedSource } from './coupons.ts';

/** Sold out, first coupon at `firstIssueMs`. */
const soldOut = (id: number, firstIssueMs: number): RacedSource => ({
  id,
  initial: 500,
  left: 0,
  issued: 500,
  holders: 500,
  firstIssueMs,
});
const untouched = (id: number): RacedSource => ({
  ...soldOut(id, 0),
  left: 500,
  issued: 0,
  holders: 0,
  firstIssueMs: null,
});
const cut: RacedSource = { ...soldOut(3, 1_400), left: 300, issued: 200, holders: 200 };
const race = [soldOut(1, 1_000), soldOut(2, 1_150), cut, untouched(4)];

describe('first-come coupons', () => {
  it('finds nothing wrong when each source gave what it had, the last one less', () => {
    expect(violationsOf(race)).toEqual([]);
  });

  it.each([
    [
      'one too many',
      { ...soldOut(2, 1_150), issued: 501, holders: 501 },
      'source 2: 501 issued and 0 left of 500',
    ],
    ['two for one user', { ...soldOut(2, 1_150), holders: 499 }, 'source 2: 499 users hold 500 coupons'],
    [
      'one that nobody got',
      { ...soldOut(2, 1_150), issued: 499, holders: 499, left: 1 },
      'source 2: 1 left although everybody asked',
    ],
  ])('names %s', (_, wrong, violation) => {
    expect(violationsOf([soldOut(1, 1_000), wrong, cut, untouched(4)])).toEqual([violation]);
  });

  it('says when the sources did not last', () => {
    expect(violationsOf(race.slice(0, 3))).toEqual(['source 3 was the last: too few were laid out']);
  });

  it('counts whole sources, refusals included', () => {
    // 1,000 coupons from the first of source 1 to the first of source 3.
    expect(issuedPerSecond(race)).toBe(2_500);
  });

  it('does not guess from a single source', () => {
    expect(() => issuedPerSecond([soldOut(1, 1_000), cut])).toThrow('too slow to tell');
  });
});
