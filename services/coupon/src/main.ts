import { exitCodes, runProcess } from '@orderflow/service-runtime/process';
import { hostService } from '@orderflow/service-runtime/service-host';
import { couponConfig } from './config.ts';
import { composeCoupon } from './service.ts';

await runProcess({
  name: 'coupon',
  // The reason is in the log already; whoever started the process starts it anew.
  start: () => hostService(composeCoupon(couponConfig(process.env), () => process.exit(exitCodes.crash))),
});
