import { describe, expect, it } from '@jest/globals';
import type { BenchResult } from '../result.ts';
import { judge } from './goals.ts';
import {
  emptyResult,
  sampleCoupons,
  sampleLatency,
  samplePercentiles,
  sampleResult,
  sampleRounds,
} from './sample-result.test.ts';

const goal = (id: string, part: Partial<BenchResult>) =>
  judge({ ...emptyResult, ...part }).find((result) => result.id === id)!;

const idle = (p50Ms: number, p99Ms: number, failed = 0) => ({
  ...sampleLatency('idle', 1, samplePercentiles(p50Ms, p99Ms)),
  failed,
});

describe('the goals', () => {
  it('are P1 to P15, in their order, with their bounds', () => {
    expect(judge(emptyResult).map(({ id, must, aim }) => [id, must, aim])).toEqual([
      ['P1', '≥ 18×', '≥ 35×'],
      ['P2', '≥ 1.25×', '≥ 2×'],
      ['P3', '≥ 5×', '≥ 8×'],
      ['P4', '≥ 0.45×', '≥ 0.75×'],
      ['P5', '≤ 1 ms', '≤ 0.72 ms'],
      ['P6', '≤ 0.1', '≤ 0.045'],
      ['P7', '≤ 35 / 80 ms', '≤ 25 / 50 ms'],
      ['P8a', '≤ 90 / 280 ms', '≤ 50 / 110 ms'],
      ['P8b', '≤ 130 / 350 ms', '≤ 80 / 200 ms'],
      ['P9', '≤ 1.25×', '≤ 1.1×'],
      ['P10', '≥ 0.85×', '≥ 0.97×'],
      ['P11', '≥ 4×', '≥ 8×'],
      ['P12', '≤ 8 % of a core', '≤ 4 % of a core'],
      ['P13', '≥ 1.5×', '≥ 2.5×'],
      ['P14', '≥ 0.95×', '≥ 1×'],
      ['P15', '≥ 0.6×', '≥ 0.75×'],
    ]);
  });

  it('are not run when nothing was measured', () => {
    for (const result of judge(emptyResult))
      expect(result).toMatchObject({ value: '–', spread: '–', verdict: 'not run' });
  });

  it('take what belongs to each from a whole run', () => {
    expect(judge(sampleResult).map(({ id, value, spread, verdict }) => [id, value, spread, verdict])).toEqual(
      [
        ['P1', '40.0×', '[39.4–42.3]', 'aim reached'],
        ['P2', '2.00×', '[1.73–2.20]', 'aim reached'],
        ['P3', '8.28×', '[8.15–8.39]', 'aim reached'],
        ['P4', '0.710×', '[0.650–0.750]', 'must reached'],
        ['P5', '0.670 ms', '[0.670–0.670]', 'aim reached'],
        ['P6', '0.0400', '[0.0400–0.0400]', 'aim reached'],
        ['P7', '24.0 / 48.0 ms', '–', 'aim reached'],
        ['P8a', '55.0 / 105 ms', '–', 'must reached'],
        ['P8b', '79.0 / 199 ms', '–', 'aim reached'],
        ['P9', '1.10×', '–', 'aim reached'],
        ['P10', '0.995×', '[0.992–1.00]', 'aim reached'],
        ['P11', '8.89×', '–', 'aim reached'],
        ['P12', '3.50 % of a core', '–', 'aim reached'],
        ['P13', '2.58×', '–', 'aim reached'],
        ['P14', '0.996×', '[0.992–1.00]', 'must reached'],
        ['P15', '0.750×', '[0.731–0.773]', 'aim reached'],
      ],
    );
  });

  it('compare within each round: the median of ratios, not the ratio of medians', () => {
    const throughput = { ours: sampleRounds([3000, 1000, 2000]), naive: sampleRounds([100, 100, 20]) };
    expect(goal('P1', { throughput })).toMatchObject({ value: '30.0×', spread: '[10.0–100]' });
  });

  it('say by how many per cent of the bound a ratio falls short', () => {
    const throughput = { ours: sampleRounds([900]), 'monolith-pg': sampleRounds([800]) };
    expect(goal('P2', { throughput }).verdict).toBe('missed by 10 %');
  });

  it('say by how many per cent a cost is above the bound', () => {
    const throughput = { ours: sampleRounds([2400], { fsyncsPerOrder: 0.15 }) };
    expect(goal('P6', { throughput }).verdict).toBe('missed by 50 %');
  });

  it('hold at their bound, and are missed by what three digits do not show', () => {
    const [must, aim, missed] = [0.1, 0.045, 0.10001].map(
      (fsyncsPerOrder) => goal('P6', { throughput: { ours: sampleRounds([1], { fsyncsPerOrder }) } }).verdict,
    );
    expect([must, aim, missed]).toEqual(['must reached', 'aim reached', 'missed by 0.01 %']);
  });

  it('count the generator among what an order costs', () => {
    const costs = { cpuMsPerOrder: 0.7, generatorCpuMsPerOrder: 0.4 };
    expect(goal('P5', { throughput: { ours: sampleRounds([1], costs) } })).toMatchObject({
      value: '1.10 ms',
      verdict: 'missed by 10 %',
    });
  });

  it('want p50 and p99 both, and say in ms which of them is off', () => {
    expect(goal('P7', { latency: [idle(24, 51)] }).verdict).toBe('must reached');
    expect(goal('P7', { latency: [idle(24, 92)] }).verdict).toBe('missed by 12 ms (p99)');
    expect(goal('P7', { latency: [idle(37.5, 92)] }).verdict).toBe('missed by 2.5 ms (p50) and 12 ms (p99)');
  });

  it('take the median of several latency runs, those of ours alone', () => {
    const other = { ...idle(1, 2), arm: 'monolith-pg' };
    expect(goal('P7', { latency: [idle(20, 40), other, idle(30, 60), idle(24, 44)] })).toMatchObject({
      value: '24.0 / 44.0 ms',
      spread: '[20.0–30.0] / [40.0–60.0]',
    });
  });

  it('do not let failed requests flatter a latency', () => {
    expect(goal('P7', { latency: [idle(24, 48, 1)] })).toMatchObject({
      value: '∞ / ∞ ms',
      verdict: 'missed by ∞ ms (p50) and ∞ ms (p99)',
    });
  });

  it('pair coupon runs in their order', () => {
    const coupons = [
      sampleCoupons('ours', 9000),
      sampleCoupons('row-lock', 1000),
      sampleCoupons('ours', 1500),
      sampleCoupons('row-lock', 500),
    ];
    expect(goal('P11', { coupons })).toMatchObject({ value: '6.00×', spread: '[3.00–9.00]' });
  });

  it('are not run by a smaller backlog or a shorter stop', () => {
    const backlog = { ...sampleResult.backlog!, orders: 20_000 };
    const stop = { ...sampleResult.stop!, stoppedSeconds: 10 };
    expect(goal('P9', { backlog }).verdict).toBe('not run');
    expect(goal('P13', { stop }).verdict).toBe('not run');
  });
});
