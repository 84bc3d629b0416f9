import { exitCodes, runProcess } from '@orderflow/service-runtime/process';
import { couponConfig } from './config.ts';
import { startCoupon } from './service.ts';

await runProcess({
  name: 'coupon',
  // The reason is in the log already; whoever started the process starts it anew.
  start: () => startCoupon(couponConfig(process.env), () => process.exit(exitCodes.crash)),
});
