import { classify } from './faults.ts';

export interface CoalesceOptions<Request, Answer> {
  /**
   * Rest after each run; the first request after a quiet time goes at once. Counted from the run's end: who was answered
   * asks again meanwhile and shares the next commit, where a rest from its start made two half batches of one crowd.
   */
  readonly intervalMs: number;
  /** Requests of one run. */
  readonly maxBatch: number;
  /** Requests waiting; more are refused at once. */
  readonly maxWaiting: number;
  /** Handles a batch in one transaction: one answer a request, in the same order. */
  readonly run: (requests: readonly Request[]) => Promise<readonly Answer[]>;
}

/** More requests wait than the limit: the caller should come back later. */
export class Overloaded extends Error {
  readonly code = 'OVERLOADED';
}

const MAX_RERUNS = 3;

interface Waiting<Request, Answer> {
  readonly request: Request;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Joins concurrent requests into shared commits: without it the order intake reaches 416 instead of 1,400 orders/s
 * (measured). Pacing belongs here, at the source: one wave through the saga costs about 30 ms of CPU whatever it carries.
 * @returns a function that answers one request. It rejects with `Overloaded`, or with what `run` threw: a batch with a
 * faulty request is halved until that request fails alone.
 */
export function coalesce<Request, Answer>(
  options: CoalesceOptions<Request, Answer>,
): (request: Request) => Promise<Answer> {
  let waiting: Waiting<Request, Answer>[] = [];
  let busy = false;
  let lastEnd = Number.NEGATIVE_INFINITY;

  async function flush(): Promise<void> {
    const batch = waiting.slice(0, options.maxBatch);
    waiting = waiting.slice(options.maxBatch);
    await settle(batch, options.run, 0);
    lastEnd = performance.now();
    busy = false;
    schedule();
  }

  function schedule(): void {
    if (busy || waiting.length === 0) return;
    busy = true;
    const wait = lastEnd + options.intervalMs - performance.now();
    // setImmediate, so that the requests of one tick of the event loop share the first commit.
    if (wait <= 0 || waiting.length >= options.maxBatch) setImmediate(() => void flush());
    else setTimeout(() => void flush(), wait);
  }

  return (request) =>
    new Promise((resolve, reject) => {
      if (waiting.length >= options.maxWaiting) {
        reject(new Overloaded(`${waiting.length} requests are waiting`));
        return;
      }
      waiting.push({ request, resolve, reject });
      schedule();
    });
}

async function settle<Request, Answer>(
  batch: readonly Waiting<Request, Answer>[],
  run: CoalesceOptions<Request, Answer>['run'],
  reruns: number,
): Promise<void> {
  try {
    const answers = await run(batch.map(({ request }) => request));
    if (answers.length !== batch.length)
      throw new Error(`${answers.length} answers to ${batch.length} requests`);
    answers.forEach((answer, index) => batch[index]?.resolve(answer));
  } catch (error) {
    const fault = classify(error, []);
    // A deadlock or a concurrent insert is over when it is run again; a database that is away is the caller's to retry.
    const passing = fault.kind === 'constraint' || isRollback(error);
    if (passing && reruns < MAX_RERUNS) return settle(batch, run, reruns + 1);
    if (fault.kind === 'retry' || batch.length === 1) return batch.forEach(({ reject }) => reject(error));
    const half = Math.ceil(batch.length / 2);
    await settle(batch.slice(0, half), run, 0);
    await settle(batch.slice(half), run, 0);
  }
}

/** Deadlock or serialization failure: class 40. */
function isRollback(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('40')
  );
}
