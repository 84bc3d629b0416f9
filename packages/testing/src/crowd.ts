import { Worker } from 'node:worker_threads';

/** One request of a crowd: POST, for a crowd that only reads races for nothing. */
export interface CrowdRequest {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; without it there is no body. */
  readonly body?: unknown;
}

export interface CrowdAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  /** From the request's start on its connection to the end of the answer. */
  readonly ms: number;
}

export interface Crowd {
  readonly url: string;
  /** Kept alive; as many requests are under way at once. */
  readonly connections: number;
  readonly requests: readonly CrowdRequest[];
}

export interface CrowdResult {
  /** In the order of the requests. */
  readonly answers: readonly CrowdAnswer[];
  readonly ms: number;
}

/**
 * Sends requests as fast as they are answered. In a thread of its own: in the server's thread its work would be
 * measured as the server's.
 * @throws Error when a connection breaks
 */
export function sendCrowd(crowd: Crowd): Promise<CrowdResult> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./crowd-worker.js', import.meta.url), { workerData: crowd });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}

/** The time in ms within which `share` (0 to 1) of the answers came. */
export function latency(answers: readonly CrowdAnswer[], share: number): number {
  const sorted = answers.map(({ ms }) => ms).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
