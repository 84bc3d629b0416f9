import { describe, expect, it } from '@jest/globals';
import { figure, rough, withSpread } from './figures.ts';
import { summaryOf } from './statistics.ts';

describe('figures', () => {
  it.each([
    [2488.4, '2,488'],
    [1_000_000, '1,000,000'],
    [99.96, '100'],
    [71.84, '71.8'],
    [0.04231, '0.0423'],
    [1, '1.00'],
    [-0.125, '-0.125'],
    [Infinity, '∞'],
  ])('writes %d as %s', (value, text) => expect(figure(value)).toBe(text));

  it('never rounds a shortfall to nothing', () => expect(rough(0.0004)).toBe('0.0004'));

  it('shows the ends of several rounds, of one the figure alone, of none a dash', () => {
    expect(withSpread(summaryOf([1594, 1679, 1663]))).toBe('1,663 [1,594–1,679]');
    expect(withSpread(summaryOf([0.5]))).toBe('0.500');
    expect(withSpread(summaryOf([]))).toBe('–');
  });
});
