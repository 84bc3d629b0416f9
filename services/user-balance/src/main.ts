import { exitCodes, runProcess } from '@orderflow/service-runtime/process';
import { hostService } from '@orderflow/service-runtime/service-host';
import { userBalanceConfig } from './config.ts';
import { composeUserBalance } from './service.ts';

await runProcess({
  name: 'user-balance',
  // The reason is in the log already; whoever started the process starts it anew.
  start: () =>
    hostService(composeUserBalance(userBalanceConfig(process.env), () => process.exit(exitCodes.crash))),
});
