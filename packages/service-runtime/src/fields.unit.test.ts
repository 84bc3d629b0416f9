import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import {
  amountIn,
  encodeCursor,
  jsonId,
  listQuery,
  listQueryBy,
  name,
  pageFrom,
  pathId,
  textOf,
} from './fields.ts';

const read = <Schema extends z.ZodType>(schema: Schema, value: unknown) => {
  const parsed = schema.safeParse(value);
  return parsed.success ? parsed.data : 'refused';
};

describe('an id in a path', () => {
  it.each([
    '0',
    '-1',
    '1.5',
    '1 ',
    '0x10',
    '1e3',
    '',
    '007',
    '١٢',
    '9223372036854775808',
    '99999999999999999999',
    'a',
  ])('refuses %j', (text) => {
    expect(read(pathId, text)).toBe('refused');
  });

  it.each([
    ['1', 1],
    ['2147483648', 2_147_483_648],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    // No row has these; a rounded number might name a row or overflow BIGINT.
    ['9007199254740993', Number.MAX_SAFE_INTEGER],
    ['9223372036854775807', Number.MAX_SAFE_INTEGER],
  ])('reads %j as %d', (text, id) => {
    expect(read(pathId, text)).toBe(id);
  });
});

describe('an id in a body', () => {
  it.each([0, -1, 1.5, 2 ** 53, '1', null, true, [], {}, Infinity])('refuses %j', (value) => {
    expect(read(jsonId, value)).toBe('refused');
  });
});

describe('money in a request', () => {
  it.each([
    ['12', 1200n],
    ['12.5', 1250n],
    ['12.50', 1250n],
    ['0.01', 1n],
    ['9999999.99', 999_999_999n],
  ])('reads %j', (text, minor) => {
    expect(read(amountIn(), text)).toBe(minor);
  });

  it.each([
    '0',
    '0.00',
    '-1',
    '+1',
    '1e3',
    '1.005',
    'NaN',
    '',
    '.5',
    '1.',
    '01',
    ' 1',
    '10000000',
    '99999999999999999',
    12.5,
    1,
    null,
  ])('refuses %j', (value) => {
    expect(read(amountIn(), value)).toBe('refused');
  });

  it('takes limits in minor units, inclusive', () => {
    expect(read(amountIn({ minMinor: 0n, maxMinor: 100n }), '0')).toBe(0n);
    expect(read(amountIn({ minMinor: 0n, maxMinor: 100n }), '1.01')).toBe('refused');
  });
});

describe('a name', () => {
  it('is stored trimmed and counted in code points', () => {
    expect(read(name(5), '  ab  ')).toBe('ab');
    expect(read(name(3), '👍👍👍')).toBe('👍👍👍');
    expect(read(name(3), '👍👍👍👍')).toBe('refused');
  });

  it.each(['', '   ', 'a\0b', '\ud800', 5, null])('refuses %j', (value) => {
    expect(read(name(25), value)).toBe('refused');
  });

  it('may be empty only where the column allows it', () => {
    expect(read(textOf(5, 0), '  ')).toBe('');
  });
});

describe('a list', () => {
  const query = z.strictObject(listQuery);

  it.each(['0', '101', '-1', '1.5', 'ten', '', '1e1'])('refuses limit=%s', (limit) => {
    expect(read(query, { limit })).toBe('refused');
  });

  it.each(['abc', 'e30', encodeCursor('x'), encodeCursor(-1), encodeCursor([1]), ''])(
    'refuses cursor=%s',
    (cursor) => {
      expect(read(query, { cursor })).toBe('refused');
    },
  );

  it('has 20 rows a page unless told otherwise, and reads its own cursors', () => {
    expect(read(query, {})).toEqual({ limit: 20 });
    expect(read(query, { limit: '100', cursor: encodeCursor(41) })).toEqual({ limit: 100, cursor: 41 });
    const byDay = z.strictObject(listQueryBy(z.tuple([z.string(), jsonId])));
    expect(read(byDay, { cursor: encodeCursor(['2026-01-02', 3]) })).toMatchObject({
      cursor: ['2026-01-02', 3],
    });
  });

  it('has a next page exactly when one row more was found', () => {
    const rows = [{ id: 3 }, { id: 2 }, { id: 1 }];
    const page = (limit: number) =>
      pageFrom(
        rows,
        limit,
        (row) => row.id,
        (row) => row.id,
      );
    expect(page(3)).toEqual({ data: [3, 2, 1], nextCursor: null });
    expect(page(2)).toEqual({ data: [3, 2], nextCursor: encodeCursor(2) });
    expect(pageFrom([], 2, () => 1, String)).toEqual({ data: [], nextCursor: null });
  });
});
