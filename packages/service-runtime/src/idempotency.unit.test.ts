import { describe, expect, it } from '@jest/globals';
import { fingerprint } from './idempotency.ts';

describe('the fingerprint of a request', () => {
  const body = { items: [{ productId: 1, unitPrice: 1250n }], couponId: 7 };

  it('is blind to the order of fields and to fields that are not set', () => {
    const same = { couponId: 7, items: [{ unitPrice: 1250n, productId: 1 }], note: undefined };
    expect(fingerprint(same)).toBe(fingerprint(body));
  });

  it.each([
    ['another value', { ...body, couponId: 8 }],
    ['a number as text', { ...body, couponId: '7' }],
    ['an amount as a number', { ...body, items: [{ productId: 1, unitPrice: 1250 }] }],
    ['an amount as text', { ...body, items: [{ productId: 1, unitPrice: '1250n' }] }],
    ['null for a field that is not set', { ...body, note: null }],
    ['another order of a list', { ...body, items: [...body.items, 1].reverse() }],
    ['a list inside a list', { ...body, items: [body.items] }],
  ])('sees %s', (_what, other) => {
    expect(fingerprint(other)).not.toBe(fingerprint(body));
  });
});
