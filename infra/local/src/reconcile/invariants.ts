/** What must hold across the five databases and the topics whenever the stack is at rest. */
export const INVARIANTS = {
  I1: 'each balance is top-ups minus charges plus refunds, and not below zero',
  I2: 'each stock is what was loaded and adjusted minus what live orders hold, and not below zero',
  I3: 'coupons left plus issued is the initial number; one a user and source; each used by at most one live order',
  I4: 'every accepted order is PAID or CANCELLED, and its timeline says the same',
  I5: 'a PAID order was charged, paid and published once, at its exact total; its stock is held, its coupon used',
  I6: 'a CANCELLED order holds nothing: money, stock and coupon are back',
  I7: 'charges minus refunds, payments, and totals of PAID orders are one and the same sum',
  I8: 'every event whose row is there reached its topic, and its copies are one and the same, byte for byte',
  I9: 'every answer kept for an idempotency key names a row that says the same, and no row has two keys',
  I10: 'daily sales are the items of PAID orders',
  I11: 'as many dead letters are open as were expected',
} as const;

export type InvariantId = keyof typeof INVARIANTS;
export const INVARIANT_IDS = Object.keys(INVARIANTS) as InvariantId[];

/** A broken promise: about what, in which way, and the rows that show it. */
export interface Violation {
  readonly subject: string;
  readonly problem: string;
  readonly rows: Readonly<Record<string, unknown>>;
}

/** One invariant after a check. */
export interface InvariantResult {
  readonly id: InvariantId;
  readonly promise: string;
  /** How many things were looked at, and what they are. */
  readonly checked: number;
  readonly unit: string;
  /** All violations counted; of `examples` there are at most 20. */
  readonly violations: number;
  readonly examples: readonly Violation[];
}

const EXAMPLES = 20;

/** Collects what the checks find. */
export interface Findings {
  checked(id: InvariantId, unit: string, count: number): void;
  /** @param count how many violations this one example stands for. */
  violated(id: InvariantId, violation: Violation, count?: number): void;
  results(): readonly InvariantResult[];
}

/** An empty collection: every invariant is listed, also one that nothing was checked for. */
export function collectFindings(): Findings {
  const found = new Map(
    INVARIANT_IDS.map((id) => [id, { checked: 0, unit: '', violations: 0, examples: [] as Violation[] }]),
  );
  const entry = (id: InvariantId) => {
    const result = found.get(id);
    if (result === undefined) throw new Error(`unknown invariant ${id}`);
    return result;
  };
  return {
    checked(id, unit, count) {
      const result = entry(id);
      result.unit = unit;
      result.checked += count;
    },
    violated(id, violation, count = 1) {
      const result = entry(id);
      result.violations += count;
      if (result.examples.length < EXAMPLES) result.examples.push(violation);
    },
    results: () => INVARIANT_IDS.map((id) => ({ id, promise: INVARIANTS[id], ...entry(id) })),
  };
}
