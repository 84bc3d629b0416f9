import { isOpen } from '../../services/order/src/domain/order.ts';
import { NOTHING, QUANTITY, TOTAL, type Books, type Saga } from './saga.ts';
import { isAtRest, Violation, type Bounds, type World } from './world.ts';

/** What an order that is paid holds. */
const WHOLE: Books = { stock: QUANTITY, coupon: 1, charged: TOTAL, paid: TOTAL, sold: QUANTITY };

/**
 * Holds in every world: nothing is given back that was not taken, and who is CANCELLED holds nothing any more (R7). At rest besides: PAID with all books whole (I5, I7,
 * I10), or CANCELLED with all empty and no row `done` (I6); never CANCELLING without a way on.
 * @throws Violation
 */
export function check(saga: Saga, world: World, bounds: Bounds): void {
  const { books, order } = world;
  for (const key of ['stock', 'coupon', 'charged', 'paid', 'sold'] as const) {
    if (books[key] < 0 || books[key] > WHOLE[key])
      throw new Violation(`${key} is ${books[key]} of ${WHOLE[key]}`);
  }
  if (order.status === 'CANCELLED') expectBooks({ ...books, sold: 0 }, NOTHING, 'CANCELLED');
  if (order.status === 'PAID') {
    const { items, totalAmount } = order.data;
    if (totalAmount !== TOTAL || items[0]?.unitPrice === null) throw new Violation('PAID without prices');
  }
  if (!isAtRest(saga, world)) return;
  // Somebody parked a message, or an event was lost: an order that is open at rest would only end by its deadline.
  if (isOpen(order) && world.parks === 0) throw new Violation(`at rest in ${order.status}`);
  if (order.status === 'PAID') expectBooks(books, WHOLE, 'PAID');
  if (order.status === 'CANCELLED') {
    expectBooks(books, NOTHING, 'CANCELLED');
    for (const [name, row] of Object.entries(world.rows)) {
      if (row && 'status' in row && row.status === 'done')
        throw new Violation(`CANCELLED, and ${name} is done`);
    }
  }
  if (order.status === 'CANCELLING' && (world.parks === 0 || order.attempt >= bounds.nudges)) {
    throw new Violation(`stuck in CANCELLING: ${order.pending.join(', ')} will never answer`);
  }
}

function expectBooks(books: Books, wanted: Books, status: string): void {
  for (const key of Object.keys(wanted) as (keyof Books)[]) {
    if (books[key] !== wanted[key])
      throw new Violation(`${status}, and ${key} is ${books[key]}, not ${wanted[key]}`);
  }
}
