import { describe, expect, it } from '@jest/globals';
import { isProblem, problem, PROBLEMS, toProblemJson } from './problem.ts';

describe('the catalogue of problems', () => {
  it('keeps its codes: clients switch on them', () => {
    expect(Object.keys(PROBLEMS).sort()).toEqual(
      `ALREADY_ISSUED BALANCE_LIMIT_EXCEEDED BODY_TOO_LARGE COUPON_NOT_FOUND COUPON_SOURCE_NOT_FOUND
       DEAD_LETTER_NOT_FOUND DUPLICATE_PRODUCT FORBIDDEN HEADERS_TOO_LARGE IDEMPOTENCY_IN_PROGRESS
       IDEMPOTENCY_KEY_REQUIRED IDEMPOTENCY_KEY_REUSED INTERNAL MALFORMED_JSON MALFORMED_REQUEST METHOD_NOT_ALLOWED
       NOT_CANCELLING ORDER_NOT_FOUND PAYMENT_NOT_FOUND PRODUCT_NOT_FOUND RATE_LIMITED REFUND_CLOSED REQUEST_TIMEOUT
       ROUTE_NOT_FOUND SATURATED SOLD_OUT STEP_NOT_FOUND STOCK_LIMIT_EXCEEDED STOCK_NEGATIVE TOO_OLD UNAUTHENTICATED
       UNAVAILABLE UNSUPPORTED_MEDIA_TYPE USER_NOT_FOUND VALIDATION_FAILED`.split(/\s+/),
    );
  });
});

describe('a problem', () => {
  it('is written with the members of RFC 9457, its code and the request id', () => {
    const given = problem('SOLD_OUT', { detail: 'source 7 has nothing left' });
    expect(toProblemJson(given, 'r-1')).toEqual({
      type: 'urn:orderflow:problem:sold-out',
      title: 'Nothing is left of this coupon source',
      status: 409,
      code: 'SOLD_OUT',
      detail: 'source 7 has nothing left',
      requestId: 'r-1',
    });
  });

  it('carries extensions that cannot replace a standard member', () => {
    const given = problem('ALREADY_ISSUED', {
      detail: 'you have one',
      extensions: { couponId: 5, status: 200 },
    });
    expect(toProblemJson(given, 'r-1')).toMatchObject({ couponId: 5, status: 409 });
  });

  it('is known by its name and code, so that a second copy of the package is no stranger', () => {
    const foreign = Object.assign(new Error('gone'), { name: 'Problem', code: 'ORDER_NOT_FOUND' });
    expect(isProblem(foreign)).toBe(true);
    expect(isProblem(Object.assign(new Error('x'), { code: 'ORDER_NOT_FOUND' }))).toBe(false);
    expect(isProblem(Object.assign(new Error('x'), { name: 'Problem', code: '23505' }))).toBe(false);
  });
});
