import { deliver } from '@orderflow/messaging/deliver';
import { messageOutbox } from '@orderflow/messaging/outbox';
import { createPool } from '@orderflow/messaging/postgres';
import type { Step } from '@orderflow/messaging/step';
import { orderCreated } from '@orderflow/testing/events';
import { describeFenceRaces, type FencedSteps } from '@orderflow/testing/fence-races';
import { releaseStock } from './release-stock.ts';
import { reserveStock } from './reserve-stock.ts';

const delivering =
  (step: Step): FencedSteps['forward'] =>
  (pool, batch) =>
    deliver({ step, pool, outbox: messageOutbox }, batch);

describeFenceRaces({
  name: 'product',
  migrations: new URL('../../prisma/migrations', import.meta.url).pathname,
  fence: 'stock_reservations',
  createPool,
  forward: delivering(reserveStock),
  undo: delivering(releaseStock),
  event: (orderId) => orderCreated({ orderId }),
});
