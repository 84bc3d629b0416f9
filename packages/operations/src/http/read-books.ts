import { defineRoute } from '@orderflow/service-runtime/route';
import { shared } from '../at-once.ts';
import { readBooks } from '../books.ts';
import type { Operated } from '../operated.ts';
import { reconcile } from '../reconciliation.ts';
import { reconciliationSchema } from '../shapes.ts';

/** The service's own invariants and totals. Whole tables are read, so requests at the same time share one reading. */
export const readBooksRoute = ({ service, reports, books }: Operated) => {
  const read = shared(() => readBooks(reports, service, books));
  return defineRoute({
    method: 'GET',
    path: '/v1/ops/reconciliation',
    caller: 'operator',
    operationId: 'getReconciliation',
    summary: 'Whether the books are exact',
    description:
      "Each service's own invariants, and totals across services. Reads whole tables. The command `reconcile` does " +
      'the rest, order by order.',
    answers: { 200: reconciliationSchema },
    problems: [],
    async handle() {
      return { status: 200, body: reconcile([await read()], []) };
    },
  });
};
