import { describe, expect, it } from '@jest/globals';
import { summarise, type CpuProfile } from './cpu-profile.ts';

const frame = (functionName: string, url = '') => ({ functionName, url, lineNumber: 4 });

const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 4] },
    { id: 2, callFrame: frame('deliver', 'file:///x/packages/messaging/dist/deliver.js'), children: [3] },
    { id: 3, callFrame: frame('', 'file:///x/node_modules/@prisma/client/index.js') },
    { id: 4, callFrame: frame('(idle)') },
  ],
  samples: [2, 3, 3, 4, 2],
  timeDeltas: [1_000, 2_000, 1_000, 9_000, 1_000],
};

describe('a CPU profile as text', () => {
  const text = summarise(profile, 0);

  it('leaves idle time out', () => {
    expect(text).toContain('0.0 s of CPU time');
    expect(text).not.toContain('(idle)');
  });

  it('shares the time out by package and by function', () => {
    expect(text).toContain('  60.0 %  @prisma/client');
    expect(text).toContain('  40.0 %  own: messaging');
    expect(text).toContain('  60.0 %  (anonymous) @prisma/client/index.js:5');
  });

  it('counts for a function what it called', () => {
    expect(text).toContain(' 100.0 %  deliver messaging/dist/deliver.js:5');
  });

  it('leaves the start out', () => {
    expect(summarise(profile, 4_001)).toContain(' 100.0 %  own: messaging');
  });
});
