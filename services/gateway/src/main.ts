import { runProcess } from '@orderflow/service-runtime/process';
import { gatewayConfig } from './config.ts';
import { startGateway } from './service.ts';

await runProcess({ name: 'gateway', start: () => startGateway(gatewayConfig(process.env)) });
