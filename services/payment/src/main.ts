import { exitCodes, runProcess } from '@orderflow/service-runtime/process';
import { hostService } from '@orderflow/service-runtime/service-host';
import { paymentConfig } from './config.ts';
import { composePayment } from './service.ts';

await runProcess({
  name: 'payment',
  // The reason is in the log already; whoever started the process starts it anew.
  start: () => hostService(composePayment(paymentConfig(process.env), () => process.exit(exitCodes.crash))),
});
