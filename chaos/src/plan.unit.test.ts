import { describe, expect, it } from '@jest/globals';
import { FAULT_KINDS, STEPS } from './kinds.ts';
import { planFaults } from './plan.ts';
import { seeded } from './seeded.ts';

describe('planFaults', () => {
  it('gives the same plan for the same seed and another one for another', () => {
    expect(planFaults(200, seeded(7))).toEqual(planFaults(200, seeded(7)));
    expect(planFaults(200, seeded(7))).not.toEqual(planFaults(200, seeded(8)));
  });

  it('holds every kind, on each of its targets, within a plan of 1,000', () => {
    const plan = planFaults(1_000, seeded(1));
    expect(plan).toHaveLength(1_000);
    for (const { name, targets } of FAULT_KINDS) {
      const struck = new Set(plan.filter(({ kind }) => kind === name).map(({ target }) => target));
      // Ten steps and sixteen topics have too few faults each for every one to be certain.
      expect(struck.size).toBeGreaterThanOrEqual(Math.min(targets.length, 6));
    }
  });

  it('has every kind once before any twice', () => {
    const kinds = planFaults(FAULT_KINDS.length, seeded(3)).map(({ kind }) => kind);
    expect(new Set(kinds).size).toBe(FAULT_KINDS.length);
  });

  it('keeps to the kinds that are asked for, and to how long each may last', () => {
    const plan = planFaults(50, seeded(2), ['freeze', 'cut']);
    expect(new Set(plan.map(({ kind }) => kind))).toEqual(new Set(['freeze', 'cut']));
    for (const { kind, lastsMs } of plan) {
      const [shortest, longest] = kind === 'freeze' ? [6_000, 6_000] : [500, 3_000];
      expect(lastsMs).toBeGreaterThanOrEqual(shortest);
      expect(lastsMs).toBeLessThanOrEqual(longest);
    }
  });

  it('strikes every consumer group', () => {
    expect(STEPS).toHaveLength(10);
  });
});
