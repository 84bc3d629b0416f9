import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Ablation } from './ablations.ts';

/**
 * The modules that an ablation changes: URL of each to the text that is run instead of the file's.
 * @param root the repository, built
 * @throws Error naming the ablation and the module when a text does not stand there exactly once
 */
export function patchModules({ name, patches = [] }: Ablation, root: string): ReadonlyMap<string, string> {
  const patched = new Map<string, string>();
  for (const { module, find, replace } of patches) {
    const path = join(root, module);
    const url = pathToFileURL(path).href;
    const parts = (patched.get(url) ?? readFileSync(path, 'utf8')).split(find);
    if (parts.length !== 2) {
      throw new Error(
        `ablation ${name}: ${module} is to hold once, and holds ${parts.length - 1} times: ${find}`,
      );
    }
    patched.set(url, parts.join(replace));
  }
  return patched;
}
