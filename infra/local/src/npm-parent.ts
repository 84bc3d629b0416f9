import { parentOf, programOf, startTimeOf } from './process-table.ts';

const LOOK_MS = 1000;
const SHELLS = new Set(['sh', 'dash', 'bash']);

/**
 * Calls back once when the npm that started this process is gone without a signal (kill -9): whoever ended it meant
 * the stack. npm starts a script through a shell, which may or may not stay between the two.
 */
export function watchNpm(onGone: () => void): void {
  const parent = process.ppid;
  const npm = SHELLS.has(programOf(parent)) ? (parentOf(parent) ?? parent) : parent;
  const startTime = startTimeOf(npm);
  const timer = setInterval(() => {
    if (process.ppid === parent && startTimeOf(npm) === startTime) return;
    clearInterval(timer);
    onGone();
  }, LOOK_MS);
  timer.unref();
}
