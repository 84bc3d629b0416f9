import { setTimeout as pause } from 'node:timers/promises';
import type { TcpProxy } from '@orderflow/testing/tcp-proxy';
import type { Seeded } from '../seeded.ts';
import type { Chaos, Strike } from './chaos.ts';

function wayOf({ ways }: Chaos, target: string): TcpProxy {
  const way = ways[target as keyof Chaos['ways']];
  if (!way) throw new Error(`nothing stands before ${target}`);
  return way;
}

/** Strikes a way, and heals it after `lastsMs`; what struck it meanwhile is healed with it. */
function strikeWay(what: string, strike: (way: TcpProxy, random: Seeded) => void, leastMs = 0): Strike {
  return async (chaos, { target, lastsMs }, random) => {
    const way = wayOf(chaos, target);
    const before = way.struck();
    strike(way, random);
    try {
      await pause(Math.max(lastsMs, leastMs));
    } finally {
      if (lastsMs > 0) way.heal();
    }
    const struck = way.struck() - before;
    if (struck === 0) throw new Error(`nothing was on its way to ${target}`);
    return `${struck} ${what}`;
  };
}

/** A fetch of Kafka is answered within 1.5 s. A connection that rests so long loses its next answer later, uncounted. */
const ANSWER_MS = 2_000;

export const cut = strikeWay('connections reset or refused', (way) => way.cut());
export const silence = strikeWay('connections silent', (way) => way.hush());
export const slow = strikeWay('packets late', (way, random) => way.slow(random.between(50, 400)));
export const reset = strikeWay('connections reset', (way, random) => way.resetSome(() => random.chance(0.5)));
export const loseAnswers = strikeWay(
  'answers lost',
  (way, random) => way.loseNextAnswers(() => random.chance(0.5)),
  ANSWER_MS,
);

/** As an administrator does who wants everyone out. */
export const endSessions: Strike = async ({ stack }, { target }) => {
  const ended = await stack.sql(
    target,
    'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
  );
  if (ended.length === 0) throw new Error(`${target} had no session`);
  return `${ended.length} sessions ended`;
};
