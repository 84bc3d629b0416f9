import { describe, expect, it } from '@jest/globals';
import type { Happened } from './happen.ts';
import type { FaultName } from './kinds.ts';
import { allFindings } from './report.ts';

function happened(kind: FaultName, flowingAfterMs: number | null): Happened {
  const fault = { number: 7, kind, target: 'payment', lastsMs: 0, alone: false, seed: 1 };
  return { fault, at: 0, flowingAfterMs, did: 'process 12', failed: null };
}

const CLEAN = { books: [], history: [], deadLetters: [] };

describe('the findings of a run', () => {
  it('are none when orders flowed again after each fault of a process', () => {
    const faults = [happened('kill', 1_200), happened('poison', null)];
    expect(allFindings({ happened: faults }, CLEAN)).toEqual([]);
  });

  it('name a fault after which they did not, also where the books are right', () => {
    expect(allFindings({ happened: [happened('kill', null)] }, CLEAN)).toEqual(['[7] kill payment']);
  });

  it('hold what each check found', () => {
    const findings = { books: ['I1'], history: ['lost'], deadLetters: ['parked'] };
    expect(allFindings({ happened: [] }, findings)).toEqual(['I1', 'lost', 'parked']);
  });
});
