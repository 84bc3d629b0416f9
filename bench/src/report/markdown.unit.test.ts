import { describe, expect, it } from '@jest/globals';
import { format } from 'prettier';
import { reportMarkdown } from './markdown.ts';
import { left, markdownTable } from './markdown-table.ts';
import { emptyResult, sampleResult } from './sample-result.test.ts';

const headings = (markdown: string) => markdown.split('\n').filter((line) => line.startsWith('#'));

/** The cells of the first line that begins with a cell. */
const row = (markdown: string, first: string) =>
  markdown
    .split('\n')
    .find((line) => line.startsWith(`| ${first} `))!
    .split(' | ')
    .map((cell) => cell.replace(/^\| | \|$/, '').trim());

describe('the report', () => {
  const whole = reportMarkdown(sampleResult, 'run.svg');

  it.each([
    ['a whole run', sampleResult],
    ['a run with nothing in it', emptyResult],
  ])('leaves prettier nothing to do: %s', async (_what, result) => {
    const markdown = reportMarkdown(result, 'run.svg');
    expect(await format(markdown, { parser: 'markdown', printWidth: 110 })).toBe(markdown);
  });

  it('has a heading for each part', () => {
    expect(headings(whole)).toEqual([
      '# Benchmark of 2026-11-22 10:30 UTC',
      '## Goals',
      '## Arms',
      '## CPU of ours by process',
      '## Batches of ours by step',
      '## Requests of ours to Kafka',
      '## Memory of ours',
      '## Latency',
      '## Scenarios',
      '## Ablations',
      '## Floor',
    ]);
  });

  it('has no heading for what was not run, and no picture of nothing', () => {
    const markdown = reportMarkdown(emptyResult, 'run.svg');
    expect(headings(markdown)).toEqual(['# Benchmark of 2026-11-22 10:30 UTC', '## Goals']);
    expect(markdown).not.toContain('run.svg');
  });

  it('says first what was measured where, with which durability', () => {
    expect(whole).toContain('Commit `26942f6` on AMD EPYC, 2 cores, 24 GB, Debian 13; Node 20.20.2;');
    expect(whole).toContain('3 rounds, the entries in turn, 62 min in all.');
    expect(whole).toContain('`fsync=on`, `synchronous_commit=on`, `acks=all`');
  });

  it('adds up batches over the rounds and tells requests and memory', () => {
    expect(row(whole, 'order.advance')).toEqual(['order.advance', '90', '200', '0', '90']);
    expect(row(whole, 'product.reserve')).toEqual(['product.reserve', '30', '100', '30', '0']);
    expect(row(whole, 'relay Produce')).toEqual(['relay Produce', '0.0500']);
    expect(whole).not.toContain('relay Metadata');
  });

  it('says that a quick run is no result', () => {
    expect(whole).not.toContain('Quick');
    expect(reportMarkdown({ ...sampleResult, quick: true }, 'run.svg')).toContain('not a result');
  });

  it('compares each arm with ours', () => {
    expect(row(whole, 'monolith-pg').slice(0, 6)).toEqual([
      'monolith-pg',
      '3',
      '1,200 [1,000–1,500]',
      '0.500 [0.455–0.577]',
      '1.29',
      '0.0400',
    ]);
  });

  it('does without ours', () => {
    const throughput = { ...sampleResult.throughput, ours: [] };
    expect(row(reportMarkdown({ ...sampleResult, throughput }, 'run.svg'), 'naive')[3]).toBe('–');
  });

  it('lists ablations apart, with what they cost more than ours', () => {
    expect(row(whole, 'without-coalescing')).toEqual([
      'without-coalescing',
      'one transaction a request',
      '420 [400–440]',
      '0.175 [0.169–0.182]',
      '+1.25 [+1.25–+1.25]',
    ]);
    const arms = whole.slice(whole.indexOf('## Arms'), whole.indexOf('## CPU'));
    expect(arms).not.toContain('with');
  });

  it('names the dearest process first, with its share', () => {
    expect(row(whole, 'order')).toEqual(['order', '280', '43 %']);
    expect(whole.indexOf('| order ')).toBeLessThan(whole.indexOf('| postgres '));
  });

  it('shows how far ours is above the floor', () => {
    expect(whole).toContain('Ours takes 0.650 CPU-ms an order: 5.42× the floor.');
  });

  it('says what a limit leaves, and what the cost model would have', () => {
    expect(whole).toContain(
      '- ours, payment with 5 % of a core: 570 orders/s (without: 2,400); it took 6.20 %, for which its cost at the peak says 590.\n' +
        '- ours, each flush of the log 50 ms slower: 1,900 orders/s (without: 2,400).',
    );
  });

  it('says what a backlog costs, and what its absence', () => {
    expect(whole).toContain(
      '1,000,000 orders: 3,101 orders/s, 0.660 CPU-ms an order; with hardly any: 3,300 orders/s, 0.600 CPU-ms.',
    );
  });
});

describe('a table of the report', () => {
  const table = (cell: string) => markdownTable([left('a', (text: string) => text)], [cell]);

  it('keeps a bar within its cell', () => {
    expect(table('x | y')).toEqual(['| a      |\n| ------ |\n| x \\| y |']);
  });

  it('is three signs wide at least, as its rule must be', () => {
    expect(table('b')).toEqual(['| a   |\n| --- |\n| b   |']);
  });
});
