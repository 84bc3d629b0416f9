import type { Reconciliation, Service, ServiceBooks } from './shapes.ts';

/** The totals that are one and the same sum whenever the system is at rest (I7). */
const ONE_SUM = ['charges minus refunds', 'payments', 'totals of PAID orders'];

/** Puts the books of several services together. A total that is missing makes no statement about the sum. */
export function reconcile(
  services: readonly ServiceBooks[],
  unavailable: readonly Service[],
): Reconciliation {
  const totals = new Map(
    services.flatMap((books) => books.totals).map(({ name, amount }) => [name, amount] as const),
  );
  const sums = ONE_SUM.map((name) => totals.get(name));
  const totalsAgree = sums.includes(undefined) ? null : new Set(sums).size === 1;
  const atRest =
    unavailable.length === 0 &&
    services.every(({ unpublishedRows, openOrders }) => unpublishedRows === 0 && (openOrders ?? 0) === 0);
  const exact = services.every(({ invariants }) => invariants.every(({ violations }) => violations === 0));
  return {
    ok: exact && !(atRest && totalsAgree === false),
    atRest,
    totalsAgree,
    services: [...services],
    unavailable: [...unavailable],
  };
}
