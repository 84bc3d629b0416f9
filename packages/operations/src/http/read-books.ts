import { defineRoute } from '@orderflow/service-runtime/route';
import { shared } from '../at-once.ts';
import { readBooks } from '../books.ts';
import { reconciliationContract } from '../contracts.ts';
import type { Operated } from '../operated.ts';
import { reconcile } from '../reconciliation.ts';

/** The service's own invariants and totals. Whole tables are read, so requests at the same time share one reading. */
export const readBooksRoute = ({ service, reports, books }: Operated) => {
  const read = shared(() => readBooks(reports, service, books));
  return defineRoute({
    ...reconciliationContract,
    async handle() {
      return { status: 200, body: reconcile([await read()], []) };
    },
  });
};
