import { describe, expect, it } from '@jest/globals';
import { chartSvg } from './chart.ts';
import { emptyResult, sampleResult, sampleRounds } from './sample-result.test.ts';

const chart = (throughput: typeof sampleResult.throughput) => chartSvg({ ...emptyResult, throughput });

const texts = (svg: string) => [...svg.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text);

/** Widths of the bars, in their order; the column's parts are 48 wide, the legend's squares 12. */
const bars = (svg: string) =>
  [...svg.matchAll(/<rect x="170" [^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width));

describe('the chart', () => {
  it('draws medians to one scale, which the fastest round ends', () => {
    const svg = chart({ ours: sampleRounds([1000, 2000, 2900]), naive: sampleRounds([10, 20, 29]) });
    expect(bars(svg)).toEqual([200, 2]);
  });

  it('names each arm with its median, and leaves ablations to their table', () => {
    const shown = texts(chartSvg(sampleResult));
    expect(shown).toEqual(expect.arrayContaining(['ours', '2,400', 'monolith-prisma', '290']));
    expect(shown).not.toContain('with-inbox');
  });

  it('draws whiskers for several rounds only', () => {
    const lines = (rounds: number[]) =>
      chart({ ours: sampleRounds(rounds) }).split('stroke="#1f2933"').length - 1;
    expect(lines([1000])).toBe(0);
    expect(lines([1000, 1000])).toBe(3);
  });

  it('stacks the processes of ours to the height of the bars', () => {
    const svg = chartSvg(sampleResult);
    const heights = [...svg.matchAll(/width="48" height="([\d.]+)"/g)].map(([, height]) => Number(height));
    expect(heights).toHaveLength(6);
    expect(heights.reduce((sum, height) => sum + height, 0)).toBeCloseTo(9 * 30, 0);
    expect(texts(svg)).toEqual(expect.arrayContaining(['order', '280 µs']));
  });

  it('is a document of its own on a white ground, whatever the names', () => {
    const svg = chart({ '<a> & "b"': sampleRounds([1]) });
    expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" /);
    expect(svg).toContain('width="880" height="146" fill="#ffffff"');
    expect(svg).toContain('>&lt;a&gt; &amp; &quot;b&quot;<');
  });

  it('stands without any round', () => {
    const title = 'Orders a second by arm, CPU by process; 2026-11-22';
    expect(texts(chartSvg(emptyResult))).toEqual([title]);
    expect(texts(chart({ ours: [] }))).toEqual([title]);
  });
});
