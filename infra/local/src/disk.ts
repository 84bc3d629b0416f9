import { lstatSync, readdirSync, type Dirent } from 'node:fs';
import { join } from 'node:path';

const BLOCK_BYTES = 512;

function entriesOf(dir: string): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Bytes a folder takes on disk: allocated blocks, since Kafka's index files are sparse. Files may come and go. */
export function diskUse(dir: string): number {
  let bytes = 0;
  for (const entry of entriesOf(dir)) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) bytes += diskUse(path);
    else bytes += (lstatSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * BLOCK_BYTES;
  }
  return bytes;
}
