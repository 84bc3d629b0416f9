import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ownName, witnessBroker, type BrokerWitness } from '@orderflow/testing/topics';
import { waitUntil } from '@orderflow/testing/wait-until';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { EXACT, prepare, readBooks, readTopics, untilQuiet, type Books } from './failpoint-books.test.ts';
import {
  contractsOf,
  openKit,
  PARTITIONS,
  stallOnce,
  tellStory,
  throwOnce,
  type Place,
} from './failpoint-story.test.ts';
import { FAILPOINTS, type FailAt, type Failpoint } from './failpoints.ts';
import type { Kit } from './kit.ts';
import { openToyDatabase } from './toy-step.test.ts';

jest.setTimeout(180_000);

interface Fault {
  readonly name: string;
  /** So many failpoints at once: with two kits at each, all of them took 188 of Postgres' 200 connections (measured). */
  readonly atOnce: number;
  /** Lives through the fault at each place and through the rest of its story. */
  readonly live: (places: readonly Place[]) => readonly Promise<unknown>[];
}

const FAULTS: readonly Fault[] = [
  { name: 'throws as a lost connection does', atOnce: 30, live: (places) => places.map(throwThere) },
  {
    name: 'stalls there while another instance takes over',
    atOnce: 13,
    live: (places) => places.map(stallThere),
  },
  { name: 'is killed there, and another process goes on', atOnce: 30, live: killThere },
];

const running = new Set<Kit>();

function startKit(place: Place, failAt?: FailAt): Kit {
  const kit = openKit(place, failAt);
  running.add(kit);
  void kit.start();
  return kit;
}

async function stopKits(): Promise<void> {
  await Promise.all([...running].map((kit) => kit.stop()));
  running.clear();
}

async function throwThere(place: Place): Promise<void> {
  let reached = false;
  const failAt = throwOnce(place.point, () => (reached = true));
  await tellStory(startKit(place, failAt), place);
  await untilReached(place, () => reached);
}

const NOT_JOINED = 'has not joined its group';

async function stallThere(place: Place): Promise<void> {
  let reached = false;
  let goOn = () => {};
  const stalled = new Promise<void>((resolve) => (goOn = resolve));
  const failAt = stallOnce(place.point, () => (reached = true), stalled);
  const told = tellStory(startKit(place, failAt), place);
  await untilReached(place, () => reached);
  // The other one is in the group once the stalled one has been given up, and has looked for forgotten rows.
  let polls = 0;
  const other = startKit(place, async (point) => void (polls += Number(point === 'poll.before-claim')));
  const toldAgain = tellStory(other, place);
  const takenOver = () => polls > 1 && other.checks().every(({ detail }) => detail !== NOT_JOINED);
  await waitUntil(takenOver, { what: `the other instance at ${place.point}`, timeoutMs: 30_000 });
  goOn();
  await Promise.all([told, toldAgain]);
}

function killThere(places: readonly Place[]): readonly Promise<void>[] {
  const killed = killAtFailpoints(places);
  return places.map(async (place) => {
    if (!(await killed).has(place.point)) throw new Error(`no visit of ${place.point}`);
    await tellStory(startKit(place), place);
  });
}

const untilReached = ({ point }: Place, reached: () => boolean) =>
  waitUntil(reached, { what: `a visit of ${point}`, timeoutMs: 30_000 });

const VICTIM = fileURLToPath(new URL('failpoint-victim.test.ts', import.meta.url));
const HOOK = new URL('../fixtures/typescript-hook.mjs', import.meta.url).href;
const REGISTER = `import { register } from 'node:module'; register('${HOOK}');`;

/** Kills a process (SIGKILL) in which a kit stands still at the failpoint of each place; gives those that were reached. */
async function killAtFailpoints(places: readonly Place[]): Promise<ReadonlySet<string>> {
  const reached = new Set<string>();
  const args = ['--import', `data:text/javascript,${encodeURIComponent(REGISTER)}`, VICTIM];
  const victim = spawn(process.execPath, [...args, JSON.stringify(places)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exit = once(victim, 'exit');
  createInterface({ input: victim.stdout }).on('line', (point) => reached.add(point));
  await waitUntil(() => reached.size === places.length, { timeoutMs: 45_000 }).catch(() => undefined);
  victim.kill('SIGKILL');
  await exit;
  return reached;
}

describe('the kit loses nothing and does nothing twice when it', () => {
  let broker: BrokerWitness;
  beforeAll(async () => {
    broker = await witnessBroker();
  });
  afterAll(() => broker.close());

  /** The books of each failpoint's place after the fault, once all is quiet, or why there are none. */
  async function liveThrough(
    { live }: Fault,
    points: readonly Failpoint[],
  ): Promise<readonly PromiseSettledResult<Books>[]> {
    const answersIn = ownName('');
    const lives = await Promise.all(
      points.map(async (point, index) => {
        const database = await openToyDatabase();
        const place: Place = {
          point,
          databaseUrl: database.url,
          brokers: broker.brokers,
          askedIn: ownName(''),
          answersIn,
          ordersAfter: 10 * index,
          step: ownName('toy.take'),
        };
        await prepare(place, database);
        return { place, database };
      }),
    );
    const topics = [
      ...new Set(lives.flatMap(({ place }) => Object.values(contractsOf(place)).map(({ topic }) => topic))),
    ];
    await broker.createTopics(topics, PARTITIONS);
    const reader = await readTopics(broker, topics);
    try {
      const faults = live(lives.map(({ place }) => place));
      const quiet = lives.map(async ({ place, database }, index) => {
        await faults[index];
        await untilQuiet(place, database, broker);
      });
      await Promise.allSettled(quiet);
      await stopKits();
      const records = await reader.read();
      return await Promise.allSettled(
        lives.map(async ({ place, database }, index) => {
          await quiet[index];
          return readBooks(place, database, records);
        }),
      );
    } finally {
      await Promise.all([stopKits(), reader.close()]);
      await Promise.all(lives.map(({ database }) => database.close()));
    }
  }

  describe.each(FAULTS)('$name', (fault) => {
    const ends = new Map<Failpoint, PromiseSettledResult<Books>>();
    beforeAll(async () => {
      for (let from = 0; from < FAILPOINTS.length; from += fault.atOnce) {
        const points = FAILPOINTS.slice(from, from + fault.atOnce);
        const books = await liveThrough(fault, points);
        points.forEach((point, index) => ends.set(point, books[index]!));
      }
    });

    it.each(FAILPOINTS)('at %s', (point) => {
      expect(ends.get(point)).toEqual({ status: 'fulfilled', value: EXACT });
    });
  });
});
