import { loadConfig } from '@orderflow/service-runtime/config';
import { runProcess } from '@orderflow/service-runtime/process';
import { monolithConfig } from '../config.ts';
import { createPool } from '../database.ts';
import { openFront } from '../front.ts';
import { issueRoute } from './issue-coupon.ts';

const name = 'row-lock-coupons';

await runProcess({
  name,
  start: () => {
    const config = loadConfig(monolithConfig, process.env);
    const pool = createPool(config.DATABASE_URL);
    return openFront(name, config, issueRoute(pool), () => pool.end());
  },
});
