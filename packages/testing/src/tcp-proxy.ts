import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { createPassage } from './passage.ts';

/** A connection's way to a backend that a test can cut. */
export interface TcpProxy {
  readonly port: number;
  /** Refuses new connections and resets those there are. */
  cut(): void;
  /** Resets the connections that `choose` says true for, each asked once; new ones are taken. */
  resetSome(choose: () => boolean): void;
  /** Passes nothing on and says nothing, as when the host has vanished; new connections are taken and kept waiting. */
  hush(): void;
  /** Passes everything on so many milliseconds later, in both directions. */
  slow(ms: number): void;
  /** Accepts connections again, passes on what waited, and delays nothing any more. */
  heal(): void;
  /**
   * Once: what is sent with `text` in it arrives, and instead of its answer, known by the same text (`COMMIT`), the
   * connection is reset.
   */
  loseAnswerTo(text: string): void;
  /** Connections that `choose` says true for, each asked once, are reset in place of the next answer on them. */
  loseNextAnswers(choose: () => boolean): void;
  /** How many times something came from the near side. */
  writes(): number;
  /** What it has done to those who use it: connections reset, refused or kept silent, chunks passed on late. */
  struck(): number;
  close(): Promise<void>;
}

/** How the proxy treats its connections now. */
interface Treatment {
  isCut: boolean;
  isSilent: boolean;
  delayMs: number;
  /** The text whose answer is to be lost. */
  unanswered: string | null;
  writes: number;
  struck: number;
}

/** The two ends of a connection through the proxy. */
interface Pair {
  readonly near: Socket;
  readonly far: Socket;
  /** Once true, the next answer resets the connection. */
  losing: boolean;
}

/** A proxy on a port of 127.0.0.1, a free one unless told, to `target`. */
export async function createTcpProxy(
  target: { host: string; port: number },
  { port = 0 }: { port?: number } = {},
): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  const treatment: Treatment = {
    isCut: false,
    isSilent: false,
    delayMs: 0,
    unanswered: null,
    writes: 0,
    struck: 0,
  };
  const server = createServer({ noDelay: true }, (near) => {
    if (treatment.isCut) {
      treatment.struck += 1;
      return void near.resetAndDestroy();
    }
    const pair: Pair = { near, far: connect({ ...target, noDelay: true }), losing: false };
    pairs.add(pair);
    near.once('close', () => pairs.delete(pair));
    join(pair, treatment);
  });
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port }, resolve));
  const reset = (choose = () => true) => {
    for (const pair of pairs) {
      if (!choose()) continue;
      treatment.struck += 1;
      for (const socket of endsOf(pair)) socket.resetAndDestroy();
    }
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      treatment.isCut = true;
      reset();
    },
    resetSome: reset,
    hush() {
      treatment.isSilent = true;
      treatment.struck += pairs.size;
      for (const pair of pairs) for (const socket of endsOf(pair)) socket.pause();
    },
    slow: (ms) => void (treatment.delayMs = ms),
    heal() {
      Object.assign(treatment, { isCut: false, isSilent: false, delayMs: 0 });
      for (const pair of pairs) for (const socket of endsOf(pair)) socket.resume();
    },
    loseAnswerTo: (text) => void (treatment.unanswered = text),
    loseNextAnswers(choose) {
      for (const pair of pairs) pair.losing ||= choose();
    },
    writes: () => treatment.writes,
    struck: () => treatment.struck,
    close() {
      reset();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function endsOf({ near, far }: Pair): readonly Socket[] {
  return [near, far];
}

/** Passes on what comes at either end until one of them closes. */
function join(pair: Pair, treatment: Treatment): void {
  const { near, far } = pair;
  const delayMs = () => {
    if (treatment.delayMs > 0) treatment.struck += 1;
    return treatment.delayMs;
  };
  const there = createPassage(far, delayMs);
  const back = createPassage(near, delayMs);
  near.on('data', (chunk: Buffer) => {
    treatment.writes += 1;
    const text = treatment.unanswered;
    if (text !== null && chunk.includes(text)) {
      treatment.unanswered = null;
      far.removeAllListeners('data');
      far.on('data', (answer: Buffer) => {
        if (!answer.includes(text)) return;
        treatment.struck += 1;
        near.resetAndDestroy();
      });
    }
    there(chunk);
  });
  far.on('data', (chunk: Buffer) => {
    if (!pair.losing) return back(chunk);
    treatment.struck += 1;
    near.resetAndDestroy();
  });
  for (const [socket, other] of [
    [near, far],
    [far, near],
  ] as const) {
    socket.on('error', () => undefined);
    socket.on('end', () => other.end());
    socket.on('close', () => other.destroy());
    if (treatment.isSilent) socket.pause();
  }
}
