import { describe, expect, it } from '@jest/globals';
import type { DeadLetterReason } from './dead-letters.ts';
import { createPoisonMeter } from './poison.ts';

function meter(perMinute: number) {
  const clock = { ms: 1_000_000 };
  const poison = createPoisonMeter(perMinute, () => clock.ms);
  const park = (count: number, reason: DeadLetterReason = 'FAULT') => {
    for (let i = 0; i < count; i += 1) poison.parked(reason);
  };
  return { poison, park, clock };
}

describe('the poison meter', () => {
  it('sees a flood in more than the allowed number a minute, if that is more than 5 % of what parsed', () => {
    const { poison, park } = meter(20);
    park(20);
    expect(poison.flooded()).toBe(false);
    park(1);
    expect(poison.flooded()).toBe(true);
  });

  it('lets 5 % pass, however many they are', () => {
    const { poison, park } = meter(20);
    poison.passed(19 * 100);
    park(100);
    expect(poison.flooded()).toBe(false);
    park(1);
    expect(poison.flooded()).toBe(true);
  });

  it('counts what speaks of this build only, not bytes that anybody can send', () => {
    const { poison, park } = meter(20);
    for (const reason of [
      'UNPARSEABLE',
      'SCHEMA',
      'UNKNOWN_TYPE',
      'KEY_MISMATCH',
      'REFUND_WITHOUT_CHARGE',
    ] as const) {
      park(100, reason);
    }
    expect(poison.flooded()).toBe(false);
    park(21, 'UNKNOWN_VERSION');
    expect(poison.flooded()).toBe(true);
  });

  it('forgets after a minute, but stays flooded until it is reset', () => {
    const { poison, park, clock } = meter(20);
    park(20);
    clock.ms += 61_000;
    park(20);
    expect(poison.flooded()).toBe(false);
    park(1);
    clock.ms += 3_600_000;
    expect(poison.flooded()).toBe(true);
    poison.reset();
    expect(poison.flooded()).toBe(false);
    park(20);
    expect(poison.flooded()).toBe(false);
  });

  it('is off at 0', () => {
    const { poison, park } = meter(0);
    park(10_000);
    expect(poison.flooded()).toBe(false);
  });
});
