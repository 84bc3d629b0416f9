import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { inParallel } from '@orderflow/local/demo/parallel';

/** Connections of somebody who means no good. */
export interface Held {
  /** How many are still open. */
  open(): number;
  /** How many were sent this text, open or not. */
  told(text: string): number;
  /** The bytes that went out on the busiest of them. */
  mostSent(): number;
  /** Lets go of all, by a reset: nothing of them stays in this machine's table. */
  release(): void;
}

/** Opening at once: more only wait for each other, and what is measured beside them with them. */
const AT_ONCE = 64;
/** The head of an answer and a stream of one order fit. */
const KEPT_CHARACTERS = 16_384;

/** Opens connections and begins to talk on each. Resolves when each is open, or was closed by the other side. */
export async function hold(
  door: string,
  count: number,
  begin: (socket: Socket) => void = () => undefined,
): Promise<Held> {
  const { hostname, port } = new URL(door);
  const open = () =>
    new Promise<{ readonly socket: Socket; said: string }>((resolve) => {
      const socket = connect(Number(port), hostname);
      const held = { socket, said: '' };
      socket.setEncoding('latin1').on('data', (text) => {
        if (held.said.length < KEPT_CHARACTERS) held.said += String(text);
      });
      // Being closed is what such a caller must expect.
      socket.on('error', () => undefined);
      socket.once('close', () => resolve(held));
      socket.once('connect', () => {
        begin(socket);
        resolve(held);
      });
    });
  const all = await inParallel(AT_ONCE, Array.from({ length: count }), open);
  return {
    open: () => all.filter(({ socket }) => !socket.closed).length,
    told: (text) => all.filter(({ said }) => said.includes(text)).length,
    mostSent: () => Math.max(...all.map(({ socket }) => socket.bytesWritten)),
    release: () => {
      for (const { socket } of all) socket.resetAndDestroy();
    },
  };
}

/** Sends the begin of a request at once and then a byte a second, for as long as somebody listens. */
export function trickle(head: string) {
  return (socket: Socket): void => {
    socket.write(head);
    const timer = setInterval(() => socket.write('a'), 1_000);
    socket.once('close', () => clearInterval(timer));
  };
}

const CHUNK = `10000\r\n${'x'.repeat(0x10000)}\r\n`;

/** Sends a head and a chunked body that has no end, as fast as it is taken. */
export function pour(head: string) {
  return (socket: Socket): void => {
    const more = () => {
      if (!socket.destroyed) socket.write(CHUNK, (error) => !error && more());
    };
    socket.write(head);
    more();
  };
}

/** Files, sockets included, that this process may have open; infinite where the system does not tell. */
export function openFilesMax(): number {
  if (process.platform !== 'linux') return Number.POSITIVE_INFINITY;
  const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
}
