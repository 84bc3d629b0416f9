import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERVICE_NAMES } from '@orderflow/local/ports';
import { ours, type OursOptions } from '../arms/ours.ts';
import type { StartedBackends } from '../backends.ts';
import { measureThroughput } from '../measure.ts';
import { PRODUCTS, SHOP } from '../shop.ts';
import { summarise, type CpuProfile } from './cpu-profile.ts';

/** Start, migrations and the first compilations are over after it. */
const LEFT_OUT_US = 12e6;

/** Runs ours at its peak with V8's profiler on, and writes where each service's time goes as text into `dir`. */
export async function profileServices(
  backends: StartedBackends,
  place: Pick<OursOptions, 'root' | 'stateDir' | 'ports'>,
  dir: string,
  report: (line: string) => void,
): Promise<void> {
  const raw = join(place.stateDir, 'profiles');
  rmSync(raw, { recursive: true, force: true });
  mkdirSync(dir, { recursive: true });
  report('profiles: ours at its peak for 16 s, with the profiler on');
  const nodeArgs = ['--cpu-prof', `--cpu-prof-dir=${raw}`];
  const arm = await ours({ ...place, name: 'ours-profiled', what: '', nodeArgs }).start(backends, SHOP);
  try {
    const load = { connections: 256, seconds: 16, products: PRODUCTS, firstCoupon: 1, refusedPercent: 0 };
    await measureThroughput(arm, backends, { ...load, run: 'profile' });
  } finally {
    await arm.stop();
  }
  for (const file of readdirSync(raw)) {
    const text = readFileSync(join(raw, file), 'utf8');
    const service = SERVICE_NAMES.find((name) => text.includes(`/services/${name}/dist/main.js`));
    if (service === undefined) continue;
    writeFileSync(join(dir, `${service}.txt`), summarise(JSON.parse(text) as CpuProfile, LEFT_OUT_US));
  }
  report(`Written: ${dir}`);
}
