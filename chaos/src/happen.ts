import { setTimeout as pause } from 'node:timers/promises';
import type { Chaos } from './faults/chaos.ts';
import { STRIKES } from './faults/strikes.ts';
import { kindOf } from './kinds.ts';
import type { PlannedFault } from './plan.ts';
import { untilFlowing } from './recovery.ts';
import { seeded } from './seeded.ts';

/** A fault that has happened. */
export interface Happened {
  readonly fault: PlannedFault;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** From its begin until orders flowed again on every partition, in milliseconds; null when not within two minutes, or not measured. */
  readonly flowingAfterMs: number | null;
  /** What it did, as it was seen; null when it failed. */
  readonly did: string | null;
  /** Why it could not happen as planned, or struck nothing. */
  readonly failed: string | null;
}

export interface HappenOptions {
  readonly chaos: Chaos;
  readonly plan: readonly PlannedFault[];
  /** Faults that have not begun by then are left out, in milliseconds since 1970. */
  readonly until: number;
  readonly onHappened: (happened: Happened) => void;
}

const FLOW_LIMIT_MS = 120_000;
const TRIES = 3;
const AGAIN_MS = 3_000;
/** Between the end of one fault of a lane and the begin of its next. */
const REST_MS: readonly [number, number] = [300, 1_500];

/** Lets the faults of a plan happen: those of processes one after the other, beside them those of messages. */
export async function letHappen({ chaos, plan, until, onHappened }: HappenOptions): Promise<void> {
  /** Set while a fault happens that is to be alone. */
  let alone: Promise<unknown> | null = null;
  let beside: Promise<unknown> = Promise.resolve();
  const strike = async (fault: PlannedFault, measure: boolean): Promise<void> => {
    const struck = await strikeAtLast(chaos, fault);
    const flowingAfterMs = measure ? await untilFlowing(chaos.stack, struck.at, FLOW_LIMIT_MS) : null;
    onHappened({ fault, flowingAfterMs, ...struck });
    await pause(seeded(fault.seed).between(...REST_MS));
  };
  const ofLane = (lane: string) => plan.filter(({ kind }) => kindOf(kind).lane === lane);
  const processes = async () => {
    for (const fault of ofLane('processes')) {
      if (Date.now() > until) return;
      if (!fault.alone) {
        await strike(fault, true);
        continue;
      }
      const { promise, end } = signal();
      alone = promise;
      try {
        await beside;
        // What is measured starts from a stack that works.
        await untilFlowing(chaos.stack, Date.now(), FLOW_LIMIT_MS);
        await strike(fault, true);
      } finally {
        alone = null;
        end();
      }
    }
  };
  const messages = async () => {
    for (const fault of ofLane('messages')) {
      if (Date.now() > until) return;
      while (alone) await alone;
      beside = strike(fault, false);
      await beside;
    }
  };
  await Promise.all([processes(), messages()]);
}

/** Tries it again when another fault has the target down just now. */
async function strikeAtLast(
  chaos: Chaos,
  fault: PlannedFault,
): Promise<Pick<Happened, 'at' | 'did' | 'failed'>> {
  for (let tries = 1; ; tries += 1) {
    const at = Date.now();
    try {
      return { at, did: await STRIKES[fault.kind](chaos, fault, seeded(fault.seed)), failed: null };
    } catch (error) {
      const failed = error instanceof Error ? error.message : String(error);
      if (tries === TRIES) return { at, did: null, failed };
      await pause(AGAIN_MS);
    }
  }
}

function signal(): { readonly promise: Promise<void>; readonly end: () => void } {
  let end: () => void = () => undefined;
  const promise = new Promise<void>((resolve) => (end = resolve));
  return { promise, end };
}
