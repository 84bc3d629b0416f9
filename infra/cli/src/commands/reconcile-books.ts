import { reconcile } from '@orderflow/local/reconcile/reconcile';
import { reconciliationLines, toJson } from '@orderflow/local/reconcile/print';
import { CommandFailure, EXIT } from '../failure.ts';
import { show, tableLines, type Screen } from '../screen.ts';
import type { Target } from '../target.ts';

/**
 * Checks the books order by order in the five databases of a local stack; elsewhere what the services check themselves.
 * @returns 0 exact, 1 a difference, 69 not at rest
 */
export async function reconcileBooks(target: Target, waitSeconds: number, screen: Screen): Promise<number> {
  if (target.local === null) return askServices(target, screen);
  const result = await reconcile({ ...target.local, waitMs: waitSeconds * 1_000 }).catch((error: unknown) => {
    const why = error instanceof Error ? error.message : String(error);
    throw new CommandFailure(`The databases cannot be reached: ${why}`, EXIT.unavailable);
  });
  screen.out(screen.json ? toJson(result, 2) : reconciliationLines(result).join('\n'));
  if (result.kind === 'not-at-rest') return EXIT.unavailable;
  return result.ok ? 0 : EXIT.failed;
}

async function askServices(target: Target, screen: Screen): Promise<number> {
  const report = await target.operator().get('/v1/ops/reconciliation');
  show(screen, report, () => [
    ...tableLines(
      ['service', '', 'promise', 'checked', 'violations'],
      report.services.flatMap(({ service, invariants }) =>
        invariants.map(({ id, promise, checked, violations }) => [service, id, promise, checked, violations]),
      ),
      'No service answered.',
    ),
    report.atRest
      ? `totals ${report.totalsAgree === true ? 'agree' : 'differ or are missing'}`
      : 'Not at rest: the totals say nothing yet.',
  ]);
  if (report.unavailable.length > 0) screen.note(`Without ${report.unavailable.join(', ')}: no answer`);
  if (report.unavailable.length > 0 || !report.atRest) return report.ok ? EXIT.unavailable : EXIT.failed;
  return report.ok ? 0 : EXIT.failed;
}
