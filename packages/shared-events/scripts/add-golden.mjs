// Adds golden/<type>.vN.json for events that have none: `npm run golden -w @orderflow/shared-events`.
// One that exists is never written again: it is what consumers of that version have seen on the wire.
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { EVENTS } from '../dist/catalog.js';
import { wireType } from '../dist/contract.js';
import { encodeMessage } from '../dist/envelope.js';

const folder = new URL('../golden/', import.meta.url);
mkdirSync(folder, { recursive: true });

const orderId = 4711;
const origin = {
  time: new Date('2026-11-22T10:00:00.250Z'),
  causationId: `order-created/${orderId}`,
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
};

const reasons = {
  'stock.rejected': 'OUT_OF_STOCK',
  'coupon.rejected': 'COUPON_ALREADY_USED',
  'balance.rejected': 'INSUFFICIENT_BALANCE',
  'payment.rejected': 'PAYMENT_LIMIT_EXCEEDED',
};
const nudged = [
  'order.cancelling',
  'stock.released',
  'coupon.restored',
  'balance.refunded',
  'payment.refunded',
];

for (const contract of EVENTS) {
  const type = wireType(contract);
  const path = new URL(`${type}.json`, folder);
  if (existsSync(path)) continue;
  const { key, value, headers } = encodeMessage(contract, exampleOf(contract), origin);
  const text = `${JSON.stringify({ key, headers, data: JSON.parse(value) }, null, 2)}\n`;
  writeFileSync(path, text);
  appendFileSync(
    new URL('SHA256SUMS', folder),
    `${createHash('sha256').update(text).digest('hex')}  ${type}.json\n`,
  );
}

/** Where in the saga an event is decides what of the order is known. */
function exampleOf({ type }) {
  const priced = !['order.created', 'stock.rejected'].includes(type);
  const discounted = priced && !['stock.reserved', 'coupon.rejected'].includes(type);
  const price = (minor) => (priced ? minor : null);
  return {
    orderId,
    userId: 42,
    couponId: 7,
    items: [
      {
        productId: 1,
        quantity: 2,
        expectedUnitPrice: 1250n,
        unitPrice: price(1250n),
        totalPrice: price(2500n),
      },
      { productId: 3, quantity: 1, expectedUnitPrice: null, unitPrice: price(5n), totalPrice: price(5n) },
    ],
    originalAmount: price(2505n),
    discountAmount: discounted ? 505n : null,
    totalAmount: discounted ? 2000n : null,
    reason: reasons[type] ?? 'CANCELLED_BY_USER',
    compensate: ['stock', 'coupon', 'balance', 'payment'],
    ...(nudged.includes(type) && { attempt: 2 }),
    paidAt: '2026-11-22T10:00:00.120Z',
  };
}
