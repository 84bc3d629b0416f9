import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { PostgresVolume, Strike } from './chaos.ts';

/** Room for the tables and the log of 100,000 orders, with as much again for what a fault leaves to do. */
const SIZE = '4g';
const CHUNK = Buffer.alloc(4 * 1024 * 1024, 1);

function run(command: string, ...words: string[]): boolean {
  try {
    execFileSync(command, words, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Mounts a volume in memory at `dir`. What it holds survives every process, which is all that these faults end.
 * @returns null where this user or machine may not mount
 */
export function mountVolume(dir: string): PostgresVolume | null {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  if (!run('mount', '-t', 'tmpfs', '-o', `size=${SIZE},mode=0700`, 'orderflow-chaos', dir)) return null;
  const ballast = join(dir, 'ballast');
  return {
    fill() {
      const file = openSync(ballast, 'w');
      let bytes = 0;
      try {
        for (;;) bytes += writeSync(file, CHUNK);
      } catch {
        // Full: a write that fits in part has been cut short before.
        return bytes;
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast, { force: true }),
  };
}

/** Takes the volume away again; nothing happens where there is none. */
export function unmount(dir: string): void {
  if (!run('umount', dir)) run('umount', '-l', dir);
}

export const fillDisk: Strike = async ({ volume }, { lastsMs }) => {
  if (!volume) throw new Error('no volume can be mounted here');
  const bytes = volume.fill();
  try {
    await pause(lastsMs);
  } finally {
    volume.free();
  }
  return `its last ${Math.round(bytes / 1024 ** 2)} MB taken`;
};
