import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** The repository's root folder. */
export const REPOSITORY = join(import.meta.dirname, '../..');

/**
 * A temporary folder with the given root files of this repository, its compiler configuration and its packages, and
 * the planted files. The checks run in it as they run here. Removed with `removeTree`.
 */
export function plantTree(
  rootFiles: readonly string[],
  planted: readonly { readonly path: string; readonly text: string }[],
): string {
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'orderflow-planted-'));
  for (const name of ['tsconfig.base.json', 'tsconfig.tests.json', ...rootFiles]) {
    cpSync(join(REPOSITORY, name), join(folder, name));
  }
  symlinkSync(join(REPOSITORY, 'node_modules'), join(folder, 'node_modules'));
  for (const { path, text } of planted) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

/** Removes what `plantTree` made; the linked packages stay. */
export function removeTree(folder: string): void {
  if (folder) rmSync(folder, { recursive: true, force: true });
}
