import type { Findings, InvariantId } from './invariants.ts';
import type { Line, OrderBooks } from './order-books.ts';

/** A rule that an order breaks. */
export interface Breach {
  readonly invariant: InvariantId;
  readonly problem: string;
}

type Order = NonNullable<OrderBooks['order']>;
type Complaint = (invariant: InvariantId, holds: boolean, problem: string) => void;

/** Lines as comparable text: one a product, by its id. */
function linesText(lines: readonly Line[]): string {
  const quantities = new Map<number, number>();
  for (const { productId, quantity } of lines) {
    quantities.set(productId, (quantities.get(productId) ?? 0) + quantity);
  }
  return JSON.stringify([...quantities].sort(([a], [b]) => a - b));
}

function sum(amounts: Iterable<bigint>): bigint {
  let total = 0n;
  for (const amount of amounts) total += amount;
  return total;
}

/** The only row of the ledger is one of this kind, with this amount, of this user. */
function isOnly(
  rows: ReadonlyArray<{ kind: string; amount: bigint; userId: number }>,
  kind: string,
  order: Order,
): boolean {
  const [row] = rows;
  return (
    rows.length === 1 && row?.kind === kind && row.amount === order.totalAmount && row.userId === order.userId
  );
}

/** I5, prices and coupon: what the order says it costs is what its lines and its coupon make of it. */
function checkPrice(books: OrderBooks, order: Order, expect: Complaint): void {
  const { items, application } = books;
  const { originalAmount, discountAmount, totalAmount } = order;
  const linesAreExact = items.every(
    ({ unitPrice, totalPrice, quantity }) =>
      unitPrice !== null && totalPrice === unitPrice * BigInt(quantity),
  );
  expect('I5', items.length > 0 && linesAreExact, 'a line is not unit price times quantity');
  const lineSum = sum(items.map(({ totalPrice }) => totalPrice ?? 0n));
  expect('I5', originalAmount === lineSum, 'the original amount is not the sum of its lines');
  expect(
    'I5',
    originalAmount !== null && discountAmount !== null && totalAmount === originalAmount - discountAmount,
    'the total is not original minus discount',
  );
  expect('I5', application?.status === 'done', 'no live coupon application');
  expect('I5', application?.couponId === order.couponId, 'another coupon was applied than the order names');
  expect('I5', application?.discountAmount === discountAmount, 'the discount is not what the coupon gave');
  if (order.couponId === null || originalAmount === null) {
    expect('I5', discountAmount === 0n, 'a discount without a coupon');
    return;
  }
  const worth = application?.couponAmount ?? 0n;
  const discount = worth < originalAmount ? worth : originalAmount;
  expect('I5', application?.couponUserId === order.userId, 'the coupon is another user’s');
  expect('I5', discountAmount === discount, 'the discount is not the coupon’s amount, at most the original');
}

function checkPaid(books: OrderBooks, order: Order, expect: Complaint): void {
  const { reservation, charge, attempt, sale, timeline } = books;
  const items = linesText(books.items);
  checkPrice(books, order, expect);
  expect('I5', reservation?.status === 'done', 'its stock is not held');
  expect('I5', linesText(reservation?.items ?? []) === items, 'the stock held is not its items');
  expect('I5', charge?.status === 'done', 'no live charge');
  expect('I5', charge?.amount === order.totalAmount, 'the charge is not its total');
  const records = books.records.map(({ type, ...record }) => ({ kind: type, ...record }));
  expect('I5', isOnly(records, 'CHARGE', order), 'not exactly one CHARGE of its total by its user');
  expect('I5', attempt?.status === 'done', 'no live payment');
  expect('I5', attempt?.amount === order.totalAmount, 'the payment is not its total');
  expect('I5', isOnly(books.payments, 'PAYMENT', order), 'not exactly one payment of its total by its user');
  expect('I5', timeline['ORDER_PAID'] === 1, 'not exactly one order-paid event');
  expect(
    'I5',
    order.paidAt !== null && order.failureReason === null,
    'PAID without a time, or with a reason',
  );
  expect(
    'I10',
    sale?.state === 'COUNTED' && linesText(sale.items) === items,
    'its items are not counted as sold',
  );
}

/** The sums of I6; for a refunded order both sides of each ledger are there. */
function checkNothingHeld(books: OrderBooks, expect: Complaint): void {
  const { reservation, application, charge, attempt, records, payments } = books;
  const signed = records.map(({ type, amount }) => (type === 'CHARGE' ? amount : -amount));
  expect('I6', reservation?.status !== 'done', 'it still holds stock');
  expect('I6', application?.status !== 'done', 'it still holds its coupon');
  expect('I6', charge?.status !== 'done', 'its charge is still live');
  expect('I6', sum(signed) === 0n, 'charges and refunds do not sum to zero');
  expect('I6', attempt?.status !== 'done', 'its payment is still live');
  expect('I6', sum(payments.map(({ amount }) => amount)) === 0n, 'payments do not sum to zero');
}

function checkCancelled(books: OrderBooks, order: Order, expect: Complaint): void {
  const { sale, timeline } = books;
  checkNothingHeld(books, expect);
  expect('I6', order.failureReason !== null, 'CANCELLED without a reason');
  expect('I6', timeline['ORDER_CANCELLED'] === 1, 'not exactly one order-cancelled event');
  const paidEvents = order.paidAt === null ? 0 : 1;
  expect('I6', (timeline['ORDER_PAID'] ?? 0) === paidEvents, 'order-paid was not published once per payment');
  expect('I10', sale?.state !== 'COUNTED', 'it is counted as sold');
}

function checkNeverAccepted(books: OrderBooks, expect: Complaint): void {
  checkNothingHeld(books, (invariant, holds, problem) =>
    expect(invariant, holds, `no such order was accepted, and ${problem}`),
  );
  expect('I10', books.sale?.state !== 'COUNTED', 'no such order was accepted, and it is counted as sold');
}

/** I4, I5, I6 and the order's half of I10, for one order at rest. Empty when all is well. */
export function breachesOf(books: OrderBooks): readonly Breach[] {
  const breaches: Breach[] = [];
  const expect: Complaint = (invariant, holds, problem) => {
    if (!holds) breaches.push({ invariant, problem });
  };
  const { order, timeline } = books;
  switch (order?.status) {
    case undefined:
      checkNeverAccepted(books, expect);
      break;
    case 'PAID':
      expect('I4', timeline['ORDER_CANCELLED'] === undefined, 'it is PAID and its timeline ends CANCELLED');
      if (order) checkPaid(books, order, expect);
      break;
    case 'CANCELLED':
      if (order) checkCancelled(books, order, expect);
      break;
    default:
      expect('I4', false, `it is ${order?.status ?? 'nowhere'}`);
  }
  return breaches;
}

/** Looks at a page of orders. */
export function checkOrders(orders: readonly OrderBooks[], findings: Findings): void {
  const accepted = orders.filter(({ order }) => order !== null);
  const inStatus = (status: string) => accepted.filter(({ order }) => order?.status === status).length;
  findings.checked('I4', 'orders', accepted.length);
  findings.checked('I5', 'PAID orders', inStatus('PAID'));
  findings.checked('I6', 'CANCELLED orders', inStatus('CANCELLED'));
  for (const books of orders) {
    const { orderId, ...rows } = books;
    for (const { invariant, problem } of breachesOf(books)) {
      findings.violated(invariant, { subject: `order ${orderId}`, problem, rows });
    }
  }
}
