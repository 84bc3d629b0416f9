import { loadConfig } from '@orderflow/service-runtime/config';
import { runProcess } from '@orderflow/service-runtime/process';
import { monolithConfig } from '../config.ts';
import { openFront } from '../front.ts';
import { ordersRoute } from '../orders-route.ts';
import { createPrisma } from '../prisma.ts';
import { placeOrder } from './place-order.ts';

const name = 'monolith-prisma';

await runProcess({
  name,
  start: () => {
    const config = loadConfig(monolithConfig, process.env);
    const prisma = createPrisma(config.DATABASE_URL);
    const route = ordersRoute((request) => placeOrder(prisma, request));
    return openFront(name, config, route, () => prisma.$disconnect());
  },
});
