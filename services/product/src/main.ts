import { exitCodes, runProcess } from '@orderflow/service-runtime/process';
import { hostService } from '@orderflow/service-runtime/service-host';
import { productConfig } from './config.ts';
import { composeProduct } from './service.ts';

await runProcess({
  name: 'product',
  // The reason is in the log already; whoever started the process starts it anew.
  start: () => hostService(composeProduct(productConfig(process.env), () => process.exit(exitCodes.crash))),
});
