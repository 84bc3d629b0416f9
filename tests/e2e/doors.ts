import { SERVICE_NAMES, type ServiceName } from '@orderflow/local/ports';
import type { RunningStack } from '@orderflow/testing/running-stack';

/** Where a route is asked: the gateway, or a service on its own port. */
export type Door = readonly [name: string, url: string];

const OWNERS: Readonly<Record<string, ServiceName>> = {
  users: 'user-balance',
  balance: 'user-balance',
  products: 'product',
  'coupon-sources': 'coupon',
  coupons: 'coupon',
  orders: 'order',
  payments: 'payment',
};

/** The services that answer below a path. What operators ask of any service, each answers for itself. */
function servicesFor(path: string): readonly ServiceName[] {
  const [noun = '', of = ''] = path.split('/').slice(2);
  if (noun === 'ops') return of === 'orders' || of === 'saga' ? ['order'] : SERVICE_NAMES;
  const owner = OWNERS[noun];
  return owner ? [owner] : [];
}

/** Whether every service serves this path. */
export function isOfEveryService(path: string): boolean {
  return servicesFor(path).length === SERVICE_NAMES.length;
}

/** The gateway, and each service that has the route: all must say the same. */
export function doorsTo(path: string, stack: RunningStack): Door[] {
  const { gateway, services } = stack.current();
  return [['the gateway', gateway], ...servicesFor(path).map((name): Door => [name, services[name]])];
}
