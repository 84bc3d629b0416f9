import type { BackendServer } from './backend-server.ts';

const KEY = Symbol.for('orderflow.test-run');

/** What the global set-up leaves for the tear-down. Jest loads the two apart from each other, in one process. */
export function runState(): { server?: BackendServer } {
  const holder = globalThis as { [KEY]?: { server?: BackendServer } };
  return (holder[KEY] ??= {});
}
