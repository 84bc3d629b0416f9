/**
 * `node --import register.js …` takes one technique away from the program after it: the one that
 * ORDERFLOW_BENCH_ABLATION names. It ends the process when there is none of that name or one of its patches does not fit.
 */
import { join } from 'node:path';
import { loadPatched, patchModules } from '@orderflow/testing/patched-modules';
import { ABLATIONS } from './ablations.ts';

const name = process.env['ORDERFLOW_BENCH_ABLATION'];
const ablation = ABLATIONS.find((candidate) => candidate.name === name);
if (!ablation) throw new Error(`ORDERFLOW_BENCH_ABLATION names no ablation: ${name ?? 'it is not set'}`);
const root = join(import.meta.dirname, '..', '..', '..');
loadPatched(patchModules({ ...ablation, name: `ablation ${name}` }, root));
