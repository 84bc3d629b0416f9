import Redlock, { type CompatibleRedisClient } from 'redlock';
import type { RedisLink } from './redis.ts';

export interface JobLock {
  /**
   * Runs a job unless another instance runs it now. A hint, never a guard: a lock is a lease, and while Redis is away
   * the job runs anyway, so the job itself must be safe to run twice at once.
   * @param ttlMs the lease; choose more than the job takes
   * @returns false when another instance has the job
   * @throws what the job throws
   */
  run(name: string, ttlMs: number, job: () => Promise<void>): Promise<boolean>;
}

/** Locks for jobs that should run on one instance at a time. */
export function createJobLock(redis: RedisLink): JobLock {
  const redlock = new Redlock([scriptRunner(redis)], { retryCount: 0 });
  // Errors of Redis itself end as "no lock" too; this tells them from a lock that another instance holds.
  let redisFailed = false;
  redlock.on('clientError', () => {
    redisFailed = true;
  });
  return {
    async run(name, ttlMs, job) {
      if (!redis.isUp()) {
        await job();
        return true;
      }
      redisFailed = false;
      const lock = await redlock.lock(`job:${name}`, ttlMs).then(
        (held) => held,
        () => null,
      );
      if (!lock && !redisFailed && redis.isUp()) return false;
      try {
        await job();
      } finally {
        // The lease ends by itself when this fails.
        await lock?.unlock().then(undefined, () => undefined);
      }
      return true;
    },
  };
}

type Reply = (error: Error | null, result?: unknown) => void;

/** The two commands redlock 4.2 calls, in its calling style; evalsha is missing from its published types. */
function scriptRunner(redis: RedisLink): CompatibleRedisClient {
  const call = (reply: Reply | undefined, command: string, ...args: readonly (string | number)[]): void => {
    // Braces: redlock's callback returns a promise that rejects when a lock is taken, and nobody may wait for it.
    redis.client.call(command, ...args).then(
      (result) => {
        reply?.(null, result);
      },
      (error: unknown) => {
        reply?.(error instanceof Error ? error : new Error(String(error)));
      },
    );
  };
  const runner = {
    eval: (args: (string | number)[], reply?: Reply) => call(reply, 'EVAL', ...args),
    evalsha: (hash: string, args: (string | number)[], reply?: Reply) =>
      call(reply, 'EVALSHA', hash, ...args),
  };
  return runner;
}
