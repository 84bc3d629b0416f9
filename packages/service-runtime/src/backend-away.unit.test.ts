import { describe, expect, it } from '@jest/globals';
import { isBackendAway } from './backend-away.ts';

const coded = (code: string) => Object.assign(new Error(code), { code });

describe('a backend that is away', () => {
  it.each(['08006', '57P01', '57014', '53300', '55P03', '40001', '40P01', '3D000', '25P03', 'ECONNREFUSED'])(
    'is told by the code %s',
    (code) => {
      expect(isBackendAway(coded(code))).toBe(true);
    },
  );

  it.each(['P1001', 'P2024', 'DATABASE_AWAY', 'BROKER_AWAY', 'OVERLOADED', 'ETIMEDOUT'])(
    'is told by the code %s',
    (code) => {
      expect(isBackendAway(coded(code))).toBe(true);
    },
  );

  it('is found behind what wraps it', () => {
    expect(
      isBackendAway(new Error('query failed', { cause: new Error('x', { cause: coded('57P01') }) })),
    ).toBe(true);
    expect(isBackendAway(new Error('timeout exceeded when trying to connect'))).toBe(true);
  });

  it('is found where Prisma keeps what its driver adapter threw', () => {
    const wrapped = (thrown: { originalCode: string } | { kind: string }) =>
      Object.assign(new Error('Raw query failed'), {
        code: 'P2039',
        meta: { driverAdapterError: Object.assign(new Error('x'), { cause: thrown }) },
      });
    expect(isBackendAway(wrapped({ originalCode: '57P03' }))).toBe(true);
    expect(isBackendAway(wrapped({ originalCode: '23505' }))).toBe(false);
    // A connection that is reset under a running raw query.
    expect(isBackendAway(wrapped({ kind: 'ConnectionClosed' }))).toBe(true);
    expect(isBackendAway(wrapped({ kind: 'UniqueConstraintViolation' }))).toBe(false);
  });

  it.each(['23505', '22003', '42601', '42501', 'ERR_INVALID_ARG_TYPE', 'P2002'])(
    'is not told by the code %s',
    (code) => {
      expect(isBackendAway(coded(code))).toBe(false);
    },
  );

  it('is told by errors of another realm, as Node’s own are under some runners', () => {
    expect(isBackendAway({ message: 'connect ECONNREFUSED', code: 'ECONNREFUSED' })).toBe(true);
  });

  it('is not told by things that say nothing, and ends on circles', () => {
    const circle = new Error('a');
    circle.cause = circle;
    expect([circle, null, 'ECONNREFUSED', {}, { code: 57 }].map(isBackendAway)).toEqual(Array(5).fill(false));
  });
});
