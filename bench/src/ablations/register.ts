/**
 * `node --import register.js …` takes one technique away from the program after it: the one that
 * ORDERFLOW_BENCH_ABLATION names. It ends the process when there is none of that name or one of its patches does not fit.
 */
import { register } from 'node:module';
import { join } from 'node:path';
import { ABLATIONS } from './ablations.ts';
import { patchModules } from './patch.ts';

const name = process.env['ORDERFLOW_BENCH_ABLATION'];
const ablation = ABLATIONS.find((candidate) => candidate.name === name);
if (!ablation) throw new Error(`ORDERFLOW_BENCH_ABLATION names no ablation: ${name ?? 'it is not set'}`);
const root = join(import.meta.dirname, '..', '..', '..');
register('./load-hook.js', { parentURL: import.meta.url, data: patchModules(ablation, root) });
