import { execa } from 'execa';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { judgeAudit, readAudit, type AuditException, type AuditReport } from './audit-policy.ts';
import { boundToParent } from './child.ts';
import { ROOT } from './settings.ts';

/** One try: without a network the answer is soon known. */
const NETWORK = ['--fetch-retries=0', '--fetch-timeout=20000'];

async function ask(...words: string[]): Promise<AuditReport> {
  const [command = '', ...args] = boundToParent('SIGTERM', 'npm', ['audit', '--json', ...NETWORK, ...words]);
  const { stdout } = await execa(command, args, { cwd: ROOT, reject: false, stdin: 'ignore' });
  return readAudit(stdout);
}

const exceptions = JSON.parse(
  readFileSync(join(ROOT, 'infra', 'local', 'audit-exceptions.json'), 'utf8'),
) as AuditException[];
const runtime = await ask('--omit=dev');
const all = await ask();
if ('unavailable' in runtime || 'unavailable' in all) {
  const reasons = [runtime, all].flatMap((one) => ('unavailable' in one ? [one.unavailable] : []));
  console.log(`- audit skipped: the registry did not answer (${reasons[0]})`);
} else {
  const today = new Date().toISOString().slice(0, 10);
  const { failures, borne } = judgeAudit(runtime.advisories, all.advisories, exceptions, today);
  for (const line of borne) console.log(`  ${line}`);
  for (const line of failures) console.log(`✘ ${line}`);
  console.log(`${failures.length} to close, ${borne.length} borne with`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}
