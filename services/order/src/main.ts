import { exitCodes, runProcess } from '@orderflow/service-runtime/process';
import { orderConfig } from './config.ts';
import { startOrder } from './service.ts';

await runProcess({
  name: 'order',
  // The reason is in the log already; whoever started the process starts it anew.
  start: () => startOrder(orderConfig(process.env), () => process.exit(exitCodes.crash)),
});
