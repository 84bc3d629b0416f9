import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { amountPattern, formatAmount, parseAmount } from './money.ts';

/** DECIMAL(17,2). */
const LARGEST = 10n ** 17n - 1n;
const amount = fc.bigInt({ min: -LARGEST, max: LARGEST });

describe('an amount', () => {
  it('is the same after it was written and read', () => {
    fc.assert(fc.property(amount, (minor) => parseAmount(formatAmount(minor)) === minor));
  });

  it('is written with two decimals, always', () => {
    fc.assert(fc.property(amount, (minor) => amountPattern.test(formatAmount(minor < 0n ? -minor : minor))));
    expect([0n, 5n, 1250n, -5n].map(formatAmount)).toEqual(['0.00', '0.05', '12.50', '-0.05']);
  });

  it('is exact on both sides of the largest number that is', () => {
    const edge = BigInt(Number.MAX_SAFE_INTEGER);
    const texts = ['90071992547409.90', '90071992547409.91', '90071992547409.92', '90071992547409.93'];
    expect([edge - 1n, edge, edge + 1n, edge + 2n].map(formatAmount)).toEqual(texts);
    expect(texts.map(parseAmount)).toEqual([edge - 1n, edge, edge + 1n, edge + 2n]);
  });

  it('is read with none, one or two', () => {
    expect(['12', '12.5', '12.50', '-0.05', '007.00'].map(parseAmount)).toEqual([
      1200n,
      1250n,
      1250n,
      -5n,
      700n,
    ]);
  });

  it.each(['', '.5', '5.', '1.005', '1e3', '+1', '1,5', ' 1', 'NaN', '0x10', '--1', '1234567890123456', '١'])(
    'is not %j',
    (text) => {
      expect(() => parseAmount(text)).toThrow(RangeError);
    },
  );
});
