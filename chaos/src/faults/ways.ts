import { setTimeout as pause } from 'node:timers/promises';
import type { TcpProxy } from '@orderflow/testing/tcp-proxy';
import type { Chaos, Strike } from './chaos.ts';

function wayOf({ ways }: Chaos, target: string): TcpProxy {
  const way = ways[target as keyof Chaos['ways']];
  if (!way) throw new Error(`nothing stands before ${target}`);
  return way;
}

/** Strikes a way and heals it; what struck it meanwhile is healed with it. */
function forAWhile(strike: (way: TcpProxy, delayMs: number) => void): Strike {
  return async (chaos, { target, lastsMs }, random) => {
    const way = wayOf(chaos, target);
    strike(way, random.between(50, 400));
    try {
      await pause(lastsMs);
    } finally {
      way.heal();
    }
  };
}

export const cut = forAWhile((way) => way.cut());
export const silence = forAWhile((way) => way.hush());
export const slow = forAWhile((way, delayMs) => way.slow(delayMs));

export const reset: Strike = (chaos, { target }, random) => {
  wayOf(chaos, target).resetSome(() => random.chance(0.5));
  return Promise.resolve();
};

export const loseAnswers: Strike = (chaos, { target }, random) => {
  wayOf(chaos, target).loseNextAnswers(() => random.chance(0.5));
  return Promise.resolve();
};

/** As an administrator does who wants everyone out. */
export const endSessions: Strike = async ({ stack }, { target }) => {
  await stack.sql(
    target,
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
};
