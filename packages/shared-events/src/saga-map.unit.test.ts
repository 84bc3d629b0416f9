import { describe, expect, it } from '@jest/globals';
import { STEP_TOPICS, TOPICS } from './catalog.ts';
import { sagaMap } from './saga-map.ts';

describe('the saga map', () => {
  const lines = sagaMap().split('\n');

  it('draws each reading of a topic by a service, and no more', () => {
    const drawn = lines.flatMap((line) => {
      const [, from, topics, to] = /^ {2}(\w+) -- "(.*)" --> (\w+)$/.exec(line) ?? [];
      return (topics ?? '')
        .split('<br/>')
        .flatMap((topic) => (topic === '' ? [] : [`${from} ${topic} ${to}`]));
    });
    const read = Object.entries(STEP_TOPICS).flatMap(([step, topics]) =>
      topics.map((name) => {
        const publisher = TOPICS.find((topic) => topic.name === name)?.publisher;
        return `${publisher} ${name} ${step.replace(/\..*/, '')}`.replaceAll('user-balance', 'user_balance');
      }),
    );
    read.push('order order-paid anyone', 'order order-cancelled anyone');
    expect(drawn.sort()).toEqual([...new Set(read)].sort());
  });

  it('is a flowchart that names its nodes', () => {
    expect(lines[0]).toBe('flowchart LR');
    expect(lines).toContain('  user_balance[user-balance]');
    expect(lines).toContain('  anyone([anyone])');
  });
});
