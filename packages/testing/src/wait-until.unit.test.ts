import { describe, expect, it } from '@jest/globals';
import { waitUntil } from './wait-until.ts';

describe('waitUntil', () => {
  it('gives the first truthy value, also of a predicate that threw before', async () => {
    let calls = 0;
    const value = await waitUntil(() => {
      calls += 1;
      if (calls < 3) throw new Error('not yet');
      return calls === 4 ? 'come' : '';
    });
    expect(value).toBe('come');
  });

  it('says what did not come, and the last error', async () => {
    const never = () => {
      throw new Error('connection refused');
    };
    await expect(waitUntil(never, { what: 'the answer', timeoutMs: 30, intervalMs: 5 })).rejects.toThrow(
      'the answer did not come within 30 ms: connection refused',
    );
  });
});
