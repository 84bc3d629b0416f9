import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { RedisLink } from './redis.ts';

export interface Cache {
  /**
   * The value of a key: from Redis when it is there, otherwise from `load`. However many callers miss it at once, one
   * loads it: of this process always, of all processes while Redis is there.
   * @param schema checks what comes out of Redis; what does not fit, as of an older release, counts as a miss
   * @param load reads the value, which must be the same after JSON; its failure is that of all who wait for it
   */
  read<Value>(key: string, schema: z.ZodType<Value>, load: () => Promise<Value>): Promise<Value>;
  /**
   * Makes all values out of date, in every process. Call it after the commit of a change and before its answer: who has
   * the answer then reads the change. A change told while Redis is away is told again by the next read.
   */
  readonly invalidate: () => Promise<void>;
}

export interface CacheOptions {
  /** Of its keys in Redis and its label in the metrics. */
  readonly name: string;
  readonly redis: RedisLink;
  /** Counts `cache_reads_total` by cache and result: hit, miss (it loaded), shared (another's load), away (no Redis). */
  readonly count: (name: string, labels: Readonly<Record<string, string>>) => void;
  /** The age of a value at most, for changes that nobody tells. */
  readonly ttlMs: number;
}

/**
 * Keys share this many places, each by its hash: whatever keys clients make up, Redis holds no more than so many values
 * of `lengthMax`; a value that another took the place of is a miss.
 */
const places = 256;
/** Characters of a value that is kept; a longer one is read each time. */
const lengthMax = 128 * 1024;
/** How long others wait for the process that loads; one that dies in the middle costs them this once. */
const leaseMs = 500;
const pollMs = 20;

const entrySchema = z.object({ version: z.string(), key: z.string(), value: z.unknown() });

/**
 * Values kept in Redis for a short time, as a help: while it is away or hangs, they are loaded.
 *
 * A value carries the version under which its reader set out, and counts only while that is still the version. So a
 * slow reader that saw the time before a change cannot bring it back after the change was told. Versions are random, not
 * counted: a Redis that was emptied does not come by an old one again.
 */
export function createCache({ name, redis, count, ttlMs }: CacheOptions): Cache {
  const version = sharedVersion(redis, `cache:${name}:version`);
  const flights = new Map<string, Promise<unknown>>();

  return {
    async read<Value>(key: string, schema: z.ZodType<Value>, load: () => Promise<Value>): Promise<Value> {
      const counted = (result: 'hit' | 'miss' | 'shared' | 'away') =>
        count('cache_reads_total', { cache: name, result });
      const place = `cache:${name}:${placeOf(key)}`;
      const seen = await version.with(place);
      const entry = seen && {
        place,
        key,
        version: seen.version,
        schema,
        lease: `cache:${name}:lease:${key}`,
      };
      const found = entry && foundIn(seen.text, entry);
      if (found) {
        counted('hit');
        return found.value;
      }
      // Who comes after a change does not join a load that began before it.
      const flightKey = `${version.changes()} ${seen?.version} ${key}`;
      const running = flights.get(flightKey) as Promise<Value> | undefined;
      counted(!seen ? 'away' : running ? 'shared' : 'miss');
      if (running) return running;
      const flight = (entry ? fill(redis, entry, ttlMs, load) : load()).finally(() =>
        flights.delete(flightKey),
      );
      flights.set(flightKey, flight);
      return flight;
    },
    invalidate: version.change,
  };
}

/** The version of a cache's values, which all processes share. */
function sharedVersion(redis: RedisLink, key: string) {
  let changes = 0;
  let untold = false;

  async function tell(): Promise<boolean> {
    const told = changes;
    const done = (await redis.attempt((client) => client.set(key, randomUUID()))) === 'OK';
    if (done && told === changes) untold = false;
    return done;
  }

  return {
    /** How many changes this process has made. */
    changes: () => changes,
    change: async (): Promise<void> => {
      changes += 1;
      untold = true;
      await tell();
    },
    /** The version now, and what lies in a place, in one round trip. Undefined without Redis. */
    async with(place: string): Promise<{ version: string; text?: string | null } | undefined> {
      if (untold && !(await tell())) return undefined;
      return redis.attempt(async (client) => {
        const [version, text] = await client.mget(key, place);
        if (version) return { version, text: text ?? null };
        await client.set(key, randomUUID(), 'NX');
        // Gone again at once: a version that nobody else has.
        return { version: (await client.get(key)) ?? randomUUID() };
      });
    },
  };
}

/** What a reader looks for, and where. */
interface Wanted<Value> {
  readonly place: string;
  readonly key: string;
  readonly version: string;
  readonly schema: z.ZodType<Value>;
  /** Held by the process that loads it. */
  readonly lease: string;
}

function placeOf(key: string): number {
  return createHash('sha1').update(key).digest().readUInt32BE(0) % places;
}

/** The value in what lies in a place; undefined when it is another key's, out of date, damaged or of another form. */
function foundIn<Value>(
  text: unknown,
  { key, version, schema }: Wanted<Value>,
): { readonly value: Value } | undefined {
  if (typeof text !== 'string') return undefined;
  const entry = entrySchema.safeParse(parsed(text));
  if (!entry.success || entry.data.version !== version || entry.data.key !== key) return undefined;
  const value = schema.safeParse(entry.data.value);
  return value.success ? { value: value.data } : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Loads a value under a lease, so that other processes wait, or waits for the process that has it. */
async function fill<Value>(
  redis: RedisLink,
  wanted: Wanted<Value>,
  ttlMs: number,
  load: () => Promise<Value>,
): Promise<Value> {
  const { place, key, version, lease } = wanted;
  // The value may have come since the first look, and its lease have gone: both are asked for in one breath.
  const asked = await redis.attempt((client) =>
    client.multi().set(lease, version, 'PX', leaseMs, 'NX').get(place).exec(),
  );
  const [taken, stored] = asked?.map(([, result]) => result) ?? [];
  const found = foundIn(stored, wanted);
  if (found && taken === 'OK') void redis.attempt((client) => client.del(lease));
  const theirs = found ?? (taken === null ? await loadedElsewhere(redis, wanted) : undefined);
  if (theirs) return theirs.value;
  let text = '';
  try {
    const value = await load();
    text = JSON.stringify({ version, key, value });
    return value;
  } finally {
    // In one breath: who finds the lease gone finds the value, or none is going to come. Nobody waits for it here.
    void redis.attempt((client) => {
      const end = client.multi();
      if (text !== '' && text.length <= lengthMax) end.set(place, text, 'PX', ttlMs);
      return end.del(lease).exec();
    });
  }
}

/** Waits for the process that has the lease; undefined when it ended without a value to be found. */
async function loadedElsewhere<Value>(
  redis: RedisLink,
  wanted: Wanted<Value>,
): Promise<{ readonly value: Value } | undefined> {
  const until = performance.now() + leaseMs;
  while (performance.now() < until) {
    await wait(pollMs);
    const seen = await redis.attempt((client) => client.mget(wanted.place, wanted.lease));
    const found = foundIn(seen?.[0], wanted);
    if (found) return found;
    if (seen?.[1] !== wanted.version) return undefined;
  }
  return undefined;
}
