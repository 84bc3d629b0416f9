import { reconciliationContract } from '@orderflow/operations/contracts';
import { reconcile } from '@orderflow/operations/reconciliation';
import type { Reconciliation } from '@orderflow/operations/shapes';
import { defineRoute } from '@orderflow/service-runtime/route';
import { askAll, questionOf } from './ask-all.ts';
import type { AskService, Question } from './ask-service.ts';

/** Each service reads whole tables; one that takes longer is named in `unavailable`. */
const TIMEOUT_MS = 10_000;

/** The books of all services together. */
export const readReconciliation = (ask: AskService) =>
  defineRoute({
    ...reconciliationContract,
    async handle(request) {
      const target = '/v1/ops/reconciliation';
      const question = questionOf(request, { method: 'GET', target, timeoutMs: TIMEOUT_MS });
      const report = await look(ask, question);
      if (!report.atRest || report.totalsAgree !== false) return { status: 200, body: report };
      // An order may have run between two services' answers: only what is still so while none moves is a difference.
      const again = await look(ask, question);
      const stoodStill = lastEventOf(again) === lastEventOf(report);
      return { status: 200, body: stoodStill ? again : { ...again, atRest: false, ok: isExact(again) } };
    },
  });

async function look(ask: AskService, question: Question): Promise<Reconciliation> {
  const { parts, unavailable } = await askAll<Reconciliation>(ask, () => question);
  return reconcile(
    parts.flatMap(({ part }) => part.services),
    unavailable,
  );
}

function lastEventOf({ services }: Reconciliation): number | null {
  return services.find(({ lastEventId }) => lastEventId !== null)?.lastEventId ?? null;
}

function isExact({ services }: Reconciliation): boolean {
  return services.every(({ invariants }) => invariants.every(({ violations }) => violations === 0));
}
