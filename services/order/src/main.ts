import { exitCodes, runProcess } from '@orderflow/service-runtime/process';
import { hostService } from '@orderflow/service-runtime/service-host';
import { orderConfig } from './config.ts';
import { composeOrder } from './service.ts';

await runProcess({
  name: 'order',
  // The reason is in the log already; whoever started the process starts it anew.
  start: () => hostService(composeOrder(orderConfig(process.env), () => process.exit(exitCodes.crash))),
});
