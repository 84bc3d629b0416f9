import { exitCodes, runProcess } from '@orderflow/service-runtime/process';
import { productConfig } from './config.ts';
import { startProduct } from './service.ts';

await runProcess({
  name: 'product',
  // The reason is in the log already; whoever started the process starts it anew.
  start: () => startProduct(productConfig(process.env), () => process.exit(exitCodes.crash)),
});
