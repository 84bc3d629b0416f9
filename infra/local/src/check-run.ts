import { runChecks } from './checks.ts';
import { ROOT } from './settings.ts';

const { passed, failed, skipped } = await runChecks(ROOT, (line) => console.log(line));
console.log(`\n${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed === 0 ? 0 : 1;
