import { readFileSync, writeFileSync } from 'node:fs';
import { register } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** A replacement in one built module. */
export interface Patch {
  /** The module's path in the repository, as `packages/messaging/dist/relay.js`. */
  readonly module: string;
  /** Stands in the module exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** Modules by their URLs: the text that is run instead of the file's. */
export type PatchedModules = ReadonlyMap<string, string>;

/**
 * The modules that patches change, which take effect one after the other.
 * @param options.name whose patches they are, for the error
 * @param root the repository, built
 * @throws Error naming them and the module when a text does not stand there exactly once
 */
export function patchModules(
  { name, patches = [] }: { readonly name: string; readonly patches?: readonly Patch[] },
  root: string,
): PatchedModules {
  const patched = new Map<string, string>();
  for (const { module, find, replace } of patches) {
    const path = join(root, module);
    const url = pathToFileURL(path).href;
    const parts = (patched.get(url) ?? readFileSync(path, 'utf8')).split(find);
    if (parts.length !== 2) {
      throw new Error(`${name}: ${module} is to hold once, and holds ${parts.length - 1} times: ${find}`);
    }
    patched.set(url, parts.join(replace));
  }
  return patched;
}

/** From here on this process runs the patched texts; a module that it has loaded already stays as it is. */
export function loadPatched(modules: PatchedModules): void {
  register('./load-hook.js', { parentURL: import.meta.url, data: modules });
}

/** Writes a module for `node --import`: the program after it runs the patched texts. */
export function writePreload(file: string, modules: PatchedModules): void {
  const text = `import { loadPatched } from ${JSON.stringify(import.meta.url)};
loadPatched(new Map(${JSON.stringify([...modules])}));
`;
  writeFileSync(file, text);
}
