import { describe, expect, it } from '@jest/globals';
import type { OrderEvent } from '@orderflow/client/api-types';
import { basketFor, percentile, stagesOf, stagesText, totalMs } from './orders.ts';
import { tableLines, timeText } from './screen.ts';

describe('a table', () => {
  it('has its numbers on the right, a dash for what is not there, and no blanks at the ends', () => {
    const rows = [
      ['a', 5, null],
      ['long', 1000, 'x'],
    ];
    expect(tableLines(['name', 'n', ''], rows, 'none')).toEqual([
      'name     n',
      'a        5  –',
      'long  1000  x',
    ]);
  });

  it('says in a line that there is nothing', () => {
    expect(tableLines(['name'], [], 'No orders.')).toEqual(['No orders.']);
  });
});

describe('times', () => {
  it.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [3_200, '3.2 s'],
    [240_000, '4 min'],
    [9_000_000, '2.5 h'],
  ])('are shown as a person says them: %d is %s', (ms, text) => {
    expect(timeText(ms)).toBe(text);
  });

  it('of stages lie between an event and the one before', () => {
    const at = (type: OrderEvent['type'], ms: number) =>
      ({ type, createdAt: new Date(ms).toISOString() }) as OrderEvent;
    const stages = stagesOf([at('ORDER_CREATED', 0), at('STOCK_RESERVED', 31), at('ORDER_CANCELLED', 1_531)]);
    expect(stages.map(({ ms }) => ms)).toEqual([0, 31, 1_500]);
    expect(totalMs(stages)).toBe(1_531);
    expect(stagesText(stages)).toBe('STOCK_RESERVED 31 ms · ORDER_CANCELLED 1.5 s');
    expect(stagesOf([])).toEqual([]);
  });

  it('are summed up by nearest rank, and not at all without any', () => {
    expect(percentile([], 0.5)).toBeNull();
    expect(percentile([7], 0.95)).toBe(7);
    expect(percentile([30, 10, 20, 40], 0.5)).toBe(20);
    expect(percentile([30, 10, 20, 40], 0.95)).toBe(40);
  });
});

describe('baskets', () => {
  it('hold what was named, or one piece of each product in turn', () => {
    const items = [{ productId: 9, quantity: 2 }];
    expect(basketFor(items, [], 5)).toBe(items);
    const products = [{ id: 1 }, { id: 2 }];
    expect([0, 1, 2].map((index) => basketFor([], products, index)[0]?.productId)).toEqual([1, 2, 1]);
    expect(() => basketFor([], [], 0)).toThrow('nothing is on sale');
  });
});
