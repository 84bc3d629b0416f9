import { loadConfig } from '@orderflow/service-runtime/config';
import { runProcess } from '@orderflow/service-runtime/process';
import { monolithConfig } from '../config.ts';
import { createPool } from '../database.ts';
import { openFront } from '../front.ts';
import { ordersRoute } from '../orders-route.ts';
import { placeOrder } from './place-order.ts';

const name = 'monolith-pg';

await runProcess({
  name,
  start: () => {
    const config = loadConfig(monolithConfig, process.env);
    const pool = createPool(config.DATABASE_URL);
    const route = ordersRoute((request) => placeOrder(pool, request));
    return openFront(name, config, route, () => pool.end());
  },
});
