import { exitCodes, runProcess } from '@orderflow/service-runtime/process';
import { paymentConfig } from './config.ts';
import { startPayment } from './service.ts';

await runProcess({
  name: 'payment',
  // The reason is in the log already; whoever started the process starts it anew.
  start: () => startPayment(paymentConfig(process.env), () => process.exit(exitCodes.crash)),
});
