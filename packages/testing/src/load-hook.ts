import type { InitializeHook, LoadHook } from 'node:module';

let patched: ReadonlyMap<string, string> = new Map();

/** @param data the modules that `patchModules` gave */
export const initialize: InitializeHook<ReadonlyMap<string, string>> = (data) => {
  patched = data;
};

export const load: LoadHook = (url, context, nextLoad) => {
  const source = patched.get(url);
  return source === undefined ? nextLoad(url, context) : { format: 'module', source, shortCircuit: true };
};
