import { deepStrictEqual, match, strictEqual } from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { sendCrowd, type CrowdAnswer } from './crowd.ts';
import type { TestDatabase } from './database.ts';
import type { TcpProxy } from './tcp-proxy.ts';

/** A route that takes an Idempotency-Key, on a service whose tokens are user ids. */
export interface KeyedRoute {
  /** "POST /v1/orders", as its keys are stored. */
  readonly route: string;
  readonly path: string;
  readonly caller: number;
  readonly body: object;
  /** Another request that would be accepted as well. */
  readonly otherBody: object;
  /** A query for one number that each effect raises by one, as `effects`. */
  readonly effects: string;
}

/** Where the route is served. */
export interface KeyedService {
  readonly database: TestDatabase;
  /** Two instances on this database. */
  readonly urls: readonly [string, string];
  /** A third one, which reaches it through the proxy. */
  readonly behind: { readonly url: string; readonly proxy: TcpProxy };
}

type Check = (service: KeyedService, route: KeyedRoute) => Promise<void>;

const CROWD = 50;

/**
 * What an Idempotency-Key promises, for every route that takes one: key, effect and stored answer commit together
 * (domain.md). Each check throws an AssertionError when its promise is broken.
 */
export const KEY_PROMISES: Readonly<Record<string, Check>> = {
  async 'fifty at once have one effect and one answer'(service, route) {
    const key = randomUUID();
    const made = await effectsOf(service, route, async () => {
      const answers = await send(service.urls[0], route, Array(CROWD).fill({ key }));
      expectOneAnswer(answers);
    });
    strictEqual(made, 1);
  },

  async 'fifty at once to each of two instances have one effect and one answer'(service, route) {
    const key = randomUUID();
    const made = await effectsOf(service, route, async () => {
      const crowds = await Promise.all(
        service.urls.map((url) => send(url, route, Array(CROWD).fill({ key }))),
      );
      expectOneAnswer(crowds.flat());
    });
    strictEqual(made, 1);
  },

  async 'of two requests at once one wins, and the other is told that the key is used'(service, route) {
    const key = randomUUID();
    const mixed = Array.from({ length: CROWD }, (_, place) => ({ key, other: place % 2 === 1 }));
    const made = await effectsOf(service, route, async () => {
      const crowds = await Promise.all(service.urls.map((url) => send(url, route, mixed)));
      const halves = [0, 1].map((half) => crowds.flatMap((crowd) => crowd.filter((_, i) => i % 2 === half)));
      const [won = [], lost = []] = halves.sort((a, b) => (a[0]?.status ?? 0) - (b[0]?.status ?? 0));
      expectOneAnswer(won);
      deepStrictEqual(refusalsOf(lost), ['422 IDEMPOTENCY_KEY_REUSED']);
    });
    strictEqual(made, 1);
  },

  async 'a hundred keys at once have an effect each'(service, route) {
    const requests = Array.from({ length: CROWD }, () => ({ key: randomUUID() }));
    const made = await effectsOf(service, route, async () => {
      const crowds = await Promise.all(
        service.urls.map((url) => send(url, route, [...requests, ...requests])),
      );
      const answers = crowds.flat();
      for (const place of requests.keys()) {
        expectOneAnswer(answers.filter((_, index) => index % CROWD === place));
      }
    });
    strictEqual(made, CROWD);
  },

  async 'a commit whose answer got lost has happened: the request repeated is answered from it'(
    service,
    route,
  ) {
    const key = randomUUID();
    const made = await effectsOf(service, route, async () => {
      service.behind.proxy.loseAnswerTo('COMMIT');
      const lost = await send(service.behind.url, route, [{ key }]);
      deepStrictEqual(refusalsOf(lost), ['503 UNAVAILABLE']);
      const again = await send(service.behind.url, route, Array(CROWD).fill({ key }));
      const elsewhere = await send(service.urls[0], route, [{ key }]);
      const answers = [...again, ...elsewhere];
      strictEqual(new Set(answers.map(({ text }) => text)).size, 1);
      strictEqual(answers.filter(isReplay).length, answers.length);
    });
    strictEqual(made, 1);
  },

  async 'a key that is held for too long is in progress, and those beside it are not held up for good'(
    service,
    route,
  ) {
    const key = randomUUID();
    const others = Array.from({ length: 3 }, () => ({ key: randomUUID() }));
    const made = await effectsOf(service, route, async () => {
      await whileKeyIsHeld(service, route, key, async () => {
        const [held, ...free] = await send(service.urls[0], route, [{ key }, ...others]);
        deepStrictEqual(refusalsOf(held ? [held] : []), ['409 IDEMPOTENCY_IN_PROGRESS']);
        match(held?.headers['retry-after'] ?? '', /^[1-9]\d*$/);
        deepStrictEqual(
          free.map(({ status }) => Math.floor(status / 100)),
          others.map(() => 2),
        );
      });
      expectOneAnswer(await send(service.urls[0], route, [{ key }]));
    });
    strictEqual(made, others.length + 1);
  },
};

interface Sent {
  readonly key: string;
  /** With the other body. */
  readonly other?: boolean;
}

/** Sends all at once, each on a connection of its own. */
async function send(url: string, route: KeyedRoute, requests: readonly Sent[]): Promise<CrowdAnswer[]> {
  const { answers } = await sendCrowd({
    url,
    connections: requests.length,
    requests: requests.map(({ key, other }) => ({
      path: route.path,
      headers: { Authorization: String(route.caller), 'Idempotency-Key': key },
      body: other ? route.otherBody : route.body,
    })),
  });
  return [...answers];
}

const isReplay = ({ headers }: CrowdAnswer) => headers['idempotency-replayed'] === 'true';

/** The same bytes and status for all; all but one say that they are a replay. */
function expectOneAnswer(answers: readonly CrowdAnswer[]): void {
  const distinct = new Set(
    answers.map(({ status, text, headers }) => `${status} ${headers['location']} ${text}`),
  );
  strictEqual(distinct.size, 1, [...distinct].slice(0, 3).join('\n'));
  match(String(answers[0]?.status), /^2/);
  strictEqual(answers.filter((answer) => !isReplay(answer)).length, 1);
}

function refusalsOf(answers: readonly CrowdAnswer[]): string[] {
  const refusals = answers.map(
    ({ status, text }) => `${status} ${(JSON.parse(text) as { code?: string }).code}`,
  );
  return [...new Set(refusals)];
}

/** How many effects `work` had. */
async function effectsOf(
  { database }: KeyedService,
  route: KeyedRoute,
  work: () => Promise<void>,
): Promise<number> {
  const count = () =>
    withOwner(database, async (owner) => {
      const { rows } = await owner.query<{ effects: string }>(route.effects);
      return Number(rows[0]?.effects);
    });
  const before = await count();
  await work();
  return (await count()) - before;
}

/** A first request that has claimed its key and does not come to its end. */
async function whileKeyIsHeld(
  { database }: KeyedService,
  { caller, route }: KeyedRoute,
  key: string,
  work: () => Promise<void>,
): Promise<void> {
  await withOwner(database, async (owner) => {
    await owner.query('BEGIN');
    await owner.query(
      `INSERT INTO idempotency_keys (subject, route, key, fingerprint, status, answer) VALUES ($1, $2, $3, '', 0, '')`,
      [caller, route, key],
    );
    try {
      await work();
    } finally {
      await owner.query('ROLLBACK');
    }
  });
}

async function withOwner<T>(database: TestDatabase, work: (owner: pg.Client) => Promise<T>): Promise<T> {
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  try {
    return await work(owner);
  } finally {
    await owner.end();
  }
}
