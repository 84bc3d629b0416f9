import { exitCodes, runProcess } from '@orderflow/service-runtime/process';
import { userBalanceConfig } from './config.ts';
import { startUserBalance } from './service.ts';

await runProcess({
  name: 'user-balance',
  // The reason is in the log already; whoever started the process starts it anew.
  start: () => startUserBalance(userBalanceConfig(process.env), () => process.exit(exitCodes.crash)),
});
