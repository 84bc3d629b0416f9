import { join } from 'node:path';
import { planPorts } from '@orderflow/local/ports';
import { ROOT } from '@orderflow/local/settings';
import { startBackends } from './backends.ts';
import { ours } from './arms/ours.ts';
import { drain, measureThroughput } from './measure.ts';

const dir = join(ROOT, '.local', 'bench');
const ports = planPorts({ ORDERFLOW_PORT_OFFSET: '11000' });
const backends = await startBackends({
  dir,
  kafkaLibs: join(ROOT, '.local', 'kafka', 'libs'),
  ports,
  armPort: 22_000,
  users: 2000,
});
try {
  const arm = ours({
    name: 'ours',
    what: '',
    root: ROOT,
    stateDir: dir,
    ports,
    ...(process.env['CPUPROF']
      ? { nodeArgs: ['--cpu-prof', `--cpu-prof-dir=${process.env['CPUPROF']}`] }
      : {}),
  });
  const t0 = Date.now();
  const running = await arm.start(backends, {
    users: 2000,
    products: 1000,
    stock: 1_000_000,
    coupons: 100_000,
  });
  console.log('started', Date.now() - t0);
  try {
    const load = {
      connections: 256,
      seconds: Number(process.env['WARM'] ?? 5),
      products: 1000,
      firstCoupon: 1,
      refusedPercent: 0,
      run: `w${Date.now()}`,
    };
    const warm = await measureThroughput(running, backends, load);
    console.log(JSON.stringify(warm));
    let coupon = 1 + Math.ceil(warm.orders / 4) + 10;
    for (let i = 0; i < Number(process.env['ROUNDS'] ?? 3); i++) {
      const result = await measureThroughput(running, backends, {
        ...load,
        seconds: Number(process.env['SECONDS_'] ?? 8),
        firstCoupon: coupon,
        run: `r${i}-${Date.now()}`,
      });
      coupon += Math.ceil(result.orders / 4) + 300;
      console.log(JSON.stringify(result));
    }
    await drain(running);
    const t1 = Date.now();
    console.log(await running.verify(), 'verified in', Date.now() - t1);
  } finally {
    await running.stop();
  }
} finally {
  await backends.stop();
}
