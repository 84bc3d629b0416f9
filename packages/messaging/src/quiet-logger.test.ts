import { jest } from '@jest/globals';
import type { KitLogger } from './kafka-client.ts';

/** A logger whose lines a test can look at. */
export function quietLogger() {
  const line = () => jest.fn<KitLogger['info']>();
  return { debug: line(), info: line(), warn: line(), error: line() } satisfies KitLogger;
}
