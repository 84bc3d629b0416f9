import { describe, it } from '@jest/globals';
import type { DiscountedOrder } from '@orderflow/shared-events/order-so-far';
import * as events from '@orderflow/testing/events';
import { anOrder } from '@orderflow/testing/orders';
import { specification } from '@orderflow/testing/specification';
import { decideCharge, withCharge, type ChargeState } from './charge.ts';
import type { Fence } from './fence.ts';

type Row = { userId: number; balance: bigint } | { orderId: number; fence: Fence };

const given = specification({
  initial: (rows: readonly Row[]): ChargeState => ({
    balances: new Map(rows.flatMap((row) => ('balance' in row ? [[row.userId, row.balance]] : []))),
    fences: new Map(rows.flatMap((row) => ('fence' in row ? [[row.orderId, row.fence]] : []))),
  }),
  decide: decideCharge,
  evolve: withCharge,
});

const balance = (amount: bigint, userId = 1): Row => ({ userId, balance: amount });
const couponApplied = (part: Partial<DiscountedOrder> = {}) => events.couponApplied({ orderId: 10, ...part });
const charged = (data: Partial<DiscountedOrder>) => ({ type: 'balance.charged' as const, data });
const rejected = (orderId: number, reason: 'USER_NOT_FOUND' | 'INSUFFICIENT_BALANCE') => ({
  type: 'balance.rejected' as const,
  data: { orderId, reason },
});

describe('user-balance.charge', () => {
  it('takes the last cent and hands the order on as it came', () =>
    given(balance(1000n))
      .when(couponApplied({ totalAmount: 1000n }))
      .then(charged(anOrder({ orderId: 10, totalAmount: 1000n }))));

  it('refuses a total above the balance', () =>
    given(balance(999n))
      .when(couponApplied({ totalAmount: 1000n }))
      .then(rejected(10, 'INSUFFICIENT_BALANCE')));

  it('refuses the order of a user who does not exist, even a total of 0.00', () =>
    given(balance(1000n, 2))
      .when(couponApplied({ userId: 1, totalAmount: 0n }))
      .then(rejected(10, 'USER_NOT_FOUND')));

  it('charges a total of 0.00 like any other', () =>
    given(balance(0n))
      .when(couponApplied({ totalAmount: 0n }))
      .then(charged({ orderId: 10, totalAmount: 0n })));

  it('sees in a batch what earlier orders took: no balance goes below zero', () =>
    given(balance(1000n))
      .when(
        couponApplied({ orderId: 10, totalAmount: 600n }),
        couponApplied({ orderId: 11, totalAmount: 600n }),
        couponApplied({ orderId: 12, totalAmount: 400n }),
      )
      .then(charged({ orderId: 10 }), rejected(11, 'INSUFFICIENT_BALANCE'), charged({ orderId: 12 })));

  it('keeps the balances of users apart', () =>
    given(balance(1000n, 1), balance(1000n, 2))
      .when(
        couponApplied({ orderId: 10, userId: 1, totalAmount: 1000n }),
        couponApplied({ orderId: 11, userId: 2, totalAmount: 1000n }),
      )
      .then(charged({ orderId: 10 }), charged({ orderId: 11 })));

  it.each<Fence>([
    { status: 'done', attempt: 0, userId: 1, amount: 1000n },
    { status: 'rejected', attempt: 0 },
    { status: 'undone', attempt: 0 },
  ])('does nothing for an order whose row is $status', (fence) =>
    given({ orderId: 10, fence }, balance(1000n)).when(couponApplied()).then(),
  );

  it('answers an order once that comes twice in a batch, charged or refused', () => {
    given(balance(5000n))
      .when(couponApplied(), couponApplied())
      .then(charged({ orderId: 10 }));
    given(balance(0n))
      .when(couponApplied(), couponApplied({ totalAmount: 0n }))
      .then(rejected(10, 'INSUFFICIENT_BALANCE'));
  });
});
