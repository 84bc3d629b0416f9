import { describe, expect, it } from '@jest/globals';
import { isPublic, serviceFor } from './routing.ts';

describe('the routing table', () => {
  it.each([
    ['/v1/users', 'user-balance'],
    ['/v1/balance/top-ups', 'user-balance'],
    ['/v1/products/7?x=1', 'product'],
    ['/v1/coupon-sources', 'coupon'],
    ['/v1/coupons?status=UNUSED', 'coupon'],
    ['/v1/orders/7/events', 'order'],
    ['/v1/payments', 'payment'],
    ['/v1/ops/saga', 'order'],
    ['/v1/ops/orders/stuck?limit=1', 'order'],
    ['/v1/ops/orders/7/nudge', 'order'],
    ['/v1/ops/sagas', null],
    ['/v1/ops/lag', null],
    ['/v1/ops', null],
    ['/v1/orderss', null],
    ['/v1/order', null],
    ['/v1/orders.json', null],
    ['/v1/orders#a', null],
    ['/v2/orders', null],
    ['/V1/orders', null],
    ['//v1/orders', null],
    ['/x/../v1/orders', null],
    ['http://elsewhere.example/v1/orders', null],
    ['/v1/constructor', null],
    ['/v1/auth/token', null],
    ['*', null],
  ])('sends %s to %s', (target, service) => {
    expect(serviceFor(target)).toBe(service);
  });

  it.each([
    ['GET', '/v1/products', true],
    ['HEAD', '/v1/products', true],
    ['GET', '/v1/products?limit=5', true],
    ['GET', '/v1/products/7', true],
    ['GET', '/v1/products/popular?days=3', true],
    ['GET', '/v1/coupon-sources', true],
    ['POST', '/v1/products', true],
    ['GET', '/v1/products/7/daily-sales', false],
    ['PATCH', '/v1/products/7', true],
    ['POST', '/v1/coupon-sources/7/coupons', false],
    ['GET', '/v1/coupons', false],
    ['GET', '/v1/orders', false],
    ['GET', '/v1/orders?/v1/products', false],
    ['TRACE', '/v1/orders', true],
  ])('asks for a token or not: %s %s', (method, target, open) => {
    expect(isPublic(method, target)).toBe(open);
  });
});
