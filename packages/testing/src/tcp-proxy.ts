import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A connection's way to a backend that a test can cut. */
export interface TcpProxy {
  readonly port: number;
  /** Refuses new connections and resets those there are. */
  cut(): void;
  /** Passes nothing on and says nothing, as when the host has vanished; new connections are taken and kept waiting. */
  hush(): void;
  /** Accepts connections again, and passes on what waited. */
  heal(): void;
  /**
   * Once: what is sent with `text` in it arrives, and instead of its answer, known by the same text (`COMMIT`), the
   * connection is reset.
   */
  loseAnswerTo(text: string): void;
  /** How many times something came from the near side. */
  writes(): number;
  close(): Promise<void>;
}

/** A proxy on a free port of 127.0.0.1 to `target`. */
export async function createTcpProxy(target: { host: string; port: number }): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let isCut = false;
  let isSilent = false;
  let unanswered: string | null = null;
  let writes = 0;
  const server = createServer((near) => {
    if (isCut) return void near.resetAndDestroy();
    const far = connect(target);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
      socket.pipe(other);
      if (isSilent) socket.pause();
    }
    near.on('data', (sent: Buffer) => {
      writes += 1;
      if (unanswered === null || !sent.includes(unanswered)) return;
      const text = unanswered;
      unanswered = null;
      far.unpipe(near);
      far.on('data', (answer: Buffer) => answer.includes(text) && near.resetAndDestroy()).resume();
    });
  });
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  const reset = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true;
      reset();
    },
    writes: () => writes,
    hush() {
      isSilent = true;
      for (const socket of sockets) socket.pause();
    },
    heal() {
      isCut = false;
      isSilent = false;
      for (const socket of sockets) socket.resume();
    },
    loseAnswerTo: (text) => void (unanswered = text),
    close() {
      reset();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
