import type { Socket } from 'node:net';

/**
 * Writes chunks to a socket in their order, each as late as `delayMs` said when it came.
 * @returns takes a chunk
 */
export function createPassage(to: Socket, delayMs: () => number): (chunk: Buffer) => void {
  const waiting: Array<{ readonly chunk: Buffer; readonly due: number }> = [];
  const release = (): void => {
    const now = performance.now();
    for (let first = waiting[0]; first !== undefined && first.due <= now; first = waiting[0]) {
      waiting.shift();
      to.write(first.chunk);
    }
    const [next] = waiting;
    if (next) setTimeout(release, next.due - now);
  };
  return (chunk) => {
    const delay = delayMs();
    const last = waiting.at(-1);
    if (delay === 0 && !last) {
      to.write(chunk);
      return;
    }
    // Never before what came earlier, also when the delay has shrunk.
    waiting.push({ chunk, due: Math.max(last?.due ?? 0, performance.now() + delay) });
    if (waiting.length === 1) setTimeout(release, delay);
  };
}
