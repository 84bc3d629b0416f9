import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { badAuthorizations } from '@orderflow/testing/bad-tokens';
import type { Operation } from '../bad-input/api-document.ts';
import { expand, readFixture } from '../bad-input/fixture.ts';
import {
  isProblemCode,
  RIGHT_CALLER,
  type Credentials,
  type RequestCase,
} from '../bad-input/request-case.ts';
import { requestCorpus } from '../bad-input/request-corpus.ts';
import { UNKNOWN_ID, type WriteRoute } from '../bad-input/write-routes.ts';
import { BareClient, sendBytes } from './bare-http.ts';
import { doorsTo, isOfEveryService, type Door } from './doors.ts';
import { digestTables, expectExactBooks } from './exactness.ts';
import { buy, ending, newProduct, newUser, place } from './people.ts';
import { faultOf } from './refusals.ts';
import type { RunningStack } from '@orderflow/testing/running-stack';

const CORPUS = requestCorpus();
const COUNT = CORPUS.reduce((sum, { cases }) => sum + cases.length, 0);
const CONNECTIONS = 16;
/** A list of failures longer than this says nothing more. */
const SHOWN = 25;

interface RawRequest {
  readonly name: string;
  /** Latin-1, with places for the write that it pretends to be. */
  readonly request: string;
  /** Codes, or `closed`: the connection ends without an answer. */
  readonly expect: readonly string[];
  readonly end?: boolean;
}

const RAW_REQUESTS = readFixture<readonly RawRequest[]>('raw-requests.json');

/** Whom a request can be sent by, and what is there to be spoilt. */
interface Scene {
  readonly authorizations: ReadonlyMap<string, string>;
  /** Made anew for each operation: some are bad because of the time. */
  badAuthorizations(): ReadonlyMap<string, string | undefined>;
  readonly productId: number;
  /** Paid, of somebody else. */
  readonly orderId: number;
}

async function tokenOf(gateway: string, userId: number, roles: readonly string[]): Promise<string> {
  const answer = await fetch(`${gateway}/v1/auth/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ userId, roles }),
  });
  return ((await answer.json()) as { accessToken: string }).accessToken;
}

const partOf = (token: string, index: number) =>
  JSON.parse(Buffer.from(token.split('.')[index] ?? '', 'base64url').toString()) as Record<string, string>;

async function prepareScene(stack: RunningStack): Promise<Scene> {
  const { gateway } = stack.current();
  const [caller, victim, product] = await Promise.all([
    newUser(stack, '100.00'),
    newUser(stack, '100.00'),
    newProduct(stack),
  ]);
  const order = await ending(victim, await place(victim, buy(product)));
  const [user, operator, admin] = await Promise.all(
    [[], ['operator'], ['admin']].map((roles) => tokenOf(gateway, caller.userId, roles)),
  );
  const { iss = '', aud = '' } = partOf(String(admin), 1);
  return {
    authorizations: new Map([
      ['user', `Bearer ${user}`],
      ['operator', `Bearer ${operator}`],
      ['admin', `Bearer ${admin}`],
    ]),
    badAuthorizations: () =>
      badAuthorizations({
        issuer: iss,
        audience: aud,
        kid: String(partOf(String(admin), 0)['kid']),
        privateKey: createPrivateKey(readFileSync(join(stack.stateDir, 'keys', 'jwt.pem'))),
        subject: String(caller.userId),
        roles: ['admin'],
      }),
    productId: product.id,
    orderId: order.id,
  };
}

function authorizationOf(
  credentials: Credentials,
  { caller }: Operation,
  { authorizations }: Scene,
  bad: ReturnType<Scene['badAuthorizations']>,
): string | undefined {
  if ('token' in credentials) return bad.get(credentials.token);
  if (credentials.as === 'a user') return authorizations.get('user');
  return authorizations.get(credentials.as === 'an operator' ? 'operator' : caller);
}

/** The path with what stands for the row that the request is about. */
function fillPath(path: string, route: WriteRoute | null, { productId, orderId }: Scene): string {
  const target = route?.target ?? 'unknown';
  if (typeof target === 'object') return path.replace(/\{\w+\}/, target.text);
  const ids = { unknown: UNKNOWN_ID, product: productId, order: orderId };
  return path.replace('{id}', String(ids[target]));
}

/** Runs `work` on each of `items`, so many at once. */
async function eachOf<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = items.values();
  const worker = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, worker));
}

/** Who may ask is decided by each service anew; of the rest that all serve, payment's part stands for all. */
function isAskedAt({ credentials }: RequestCase, { path }: Operation, [name]: Door): boolean {
  const ofAll = isOfEveryService(path) && name !== 'the gateway' && name !== 'payment';
  return !ofAll || credentials !== RIGHT_CALLER;
}

/** Sends each case to each door. Returns a line for each answer that is wrong. */
async function wrongAnswers(
  stack: RunningStack,
  client: BareClient,
  scene: Scene,
  { operation, route, cases }: (typeof CORPUS)[number],
): Promise<string[]> {
  const wrong: string[] = [];
  const bad = scene.badAuthorizations();
  const send = async (one: RequestCase, [name, url]: Door) => {
    const authorization = authorizationOf(one.credentials, operation, scene, bad);
    const headers = { ...one.headers, ...(authorization === undefined ? {} : { authorization }) };
    const path = fillPath(one.path, route, scene);
    const fault = await client
      .send(url, { method: one.method, path, headers, body: one.body })
      .then((answer) => faultOf(answer, one.codes, one.pointer))
      .catch((error: unknown) => String(error));
    if (fault !== null) wrong.push(`${one.name} (${name}): ${fault}`);
  };
  const all = doorsTo(operation.path, stack).flatMap((door) =>
    cases.filter((one) => isAskedAt(one, operation, door)).map((one) => [one, door] as const),
  );
  await eachOf(all, ([one, door]) => send(one, door));
  return wrong;
}

/** A right POST /v1/users in pieces, for requests that are wrong as HTTP. */
function rawBytes({ request }: RawRequest, scene: Scene): Buffer {
  const body = JSON.stringify({ name: 'Raw' });
  const text = expand(request)
    .replaceAll('{line}', 'POST /v1/users')
    .replaceAll('{path}', '/v1/users')
    .replaceAll('{auth}', scene.authorizations.get('admin') ?? '')
    .replaceAll('{length}', String(body.length))
    .replaceAll('{body}', body)
    .replaceAll('{chunked}', `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`);
  return Buffer.from(text, 'latin1');
}

async function wrongRawAnswer(door: string, one: RawRequest, scene: Scene): Promise<string | null> {
  try {
    const answers = await sendBytes(door, rawBytes(one, scene), one.end ?? false);
    const [answer] = answers;
    if (!answer) return one.expect.includes('closed') ? null : 'closed without an answer';
    const codes = one.expect.filter(isProblemCode);
    return faultOf(answer, codes) ?? (answers.length > 1 ? `${answers.length} answers` : null);
  } catch (error) {
    return (error as Error).message;
  }
}

/** Everything a caller can do wrong, on every operation of the contract, at the gateway and at the services. */
export function describeBadRequests(stack: () => RunningStack): void {
  describe(`bad requests (${COUNT}, through the gateway and to the services directly)`, () => {
    const client = new BareClient(CONNECTIONS);
    let scene: Scene;
    let tables: Record<string, string>;

    beforeAll(async () => {
      scene = await prepareScene(stack());
      await expectExactBooks(stack());
      tables = await digestTables(stack());
    }, 120_000);

    afterAll(() => client.close());

    it.each(CORPUS.map((one) => [one.operation.name, one.cases.length, one] as const))(
      '%s: %i, each refused as documented',
      async (_name, _count, one) => {
        const wrong = await wrongAnswers(stack(), client, scene, one);
        expect({ count: wrong.length, wrong: wrong.slice(0, SHOWN) }).toEqual({ count: 0, wrong: [] });
      },
      60_000,
    );

    it.each(['gateway', 'user-balance'] as const)(
      `${RAW_REQUESTS.length} that are no HTTP: answered with a problem by the %s, once, or cut off`,
      async (name) => {
        const { gateway, services } = stack().current();
        const door = name === 'gateway' ? gateway : services[name];
        const wrong: string[] = [];
        await eachOf(RAW_REQUESTS, async (one) => {
          const fault = await wrongRawAnswer(door, one, scene);
          if (fault !== null) wrong.push(`${one.name}: ${fault}`);
        });
        expect({ count: wrong.length, wrong: wrong.slice(0, SHOWN) }).toEqual({ count: 0, wrong: [] });
      },
      60_000,
    );

    it('have changed no row of any table', async () => {
      await expectExactBooks(stack());
      expect(await digestTables(stack())).toEqual(tables);
    }, 60_000);
  });
}
