import { admits, windowMs, type Passed } from './rate-window.ts';

/** A key and how many requests may pass under it in a window. */
export interface Limit {
  readonly key: string;
  readonly max: number;
}

export interface Taken {
  readonly admitted: boolean;
  /** One for each limit, in their order, after the request was counted. */
  readonly passed: readonly Passed[];
  /** How far into the current window this happened. */
  readonly intoMs: number;
}

/** Counts a request under all limits, or under none when one of them refuses it. */
export interface RateCounters {
  take(limits: readonly Limit[]): Promise<Taken> | Taken;
}

interface Row {
  window: number;
  current: number;
  previous: number;
}

/** 50,000 keys take some 7 MB; the longest unused goes first, so a flood of addresses evicts itself. */
const keysMax = 50_000;

/** Counts in this process's memory: what the gateway falls back to while Redis is away. */
export function createMemoryCounters(options: { keysMax?: number; now?: () => number } = {}): RateCounters & {
  readonly size: () => number;
} {
  const { keysMax: most = keysMax, now = Date.now } = options;
  const rows = new Map<string, Row>();
  const rowOf = (key: string, window: number): Row => {
    const row = rows.get(key) ?? { window, current: 0, previous: 0 };
    if (row.window !== window) {
      row.previous = row.window === window - 1 ? row.current : 0;
      row.current = 0;
      row.window = window;
    }
    rows.delete(key);
    if (rows.size >= most) rows.delete(rows.keys().next().value ?? '');
    rows.set(key, row);
    return row;
  };
  return {
    size: () => rows.size,
    take(limits) {
      const at = now();
      const window = Math.floor(at / windowMs);
      const intoMs = at - window * windowMs;
      const taken = limits.map(({ key }) => rowOf(key, window));
      const admitted = limits.every(({ max }, index) => {
        const row = taken[index];
        return row !== undefined && admits(max, row, intoMs);
      });
      if (admitted) for (const row of taken) row.current += 1;
      return { admitted, passed: taken.map(({ current, previous }) => ({ current, previous })), intoMs };
    },
  };
}
