import type { Choices } from '@orderflow/testing/seed';
import type { Operation } from '../bad-input/api-document.ts';
import { urlText } from '../bad-input/request-case.ts';
import { UNKNOWN_ID } from '../bad-input/write-routes.ts';
import type { BareAnswer } from './bare-http.ts';
import type { Door } from './doors.ts';
import { faultOf } from './refusals.ts';

export const ROLES = ['user', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** What a user owns and a list tells. */
export type Rows = 'orders' | 'coupons' | 'payments' | 'records';

/** Tells the caller's own and takes nobody's name. */
interface ListScope {
  readonly tells: Rows | 'balance';
}

/** Is about one row, by the id in its path. */
interface RowScope {
  readonly of: 'orders' | 'users';
  readonly code: 'ORDER_NOT_FOUND' | 'USER_NOT_FOUND';
  /** Who sees other people's as well. */
  readonly also?: 'operator' | 'admin';
}

const ORDER = { of: 'orders', code: 'ORDER_NOT_FOUND' } as const;

/**
 * What each route that takes any token has to do with rows of users. `makes`: it takes no id of a user's row, and what
 * it makes is the caller's.
 */
export const SCOPES: Readonly<Record<string, ListScope | RowScope | 'makes'>> = {
  'GET /v1/balance': { tells: 'balance' },
  'GET /v1/balance/records': { tells: 'records' },
  'GET /v1/coupons': { tells: 'coupons' },
  'GET /v1/orders': { tells: 'orders' },
  'GET /v1/payments': { tells: 'payments' },
  'GET /v1/orders/{id}': { ...ORDER, also: 'operator' },
  'GET /v1/orders/{id}/events': { ...ORDER, also: 'operator' },
  'GET /v1/orders/{id}/stream': ORDER,
  'POST /v1/orders/{id}/cancel': ORDER,
  'GET /v1/users/{id}': { of: 'users', code: 'USER_NOT_FOUND', also: 'admin' },
  'POST /v1/balance/top-ups': 'makes',
  'POST /v1/orders': 'makes',
  'POST /v1/coupon-sources/{id}/coupons': 'makes',
};

/** A user and the ids of all that is theirs. */
export interface Owner {
  readonly userId: number;
  readonly ids: Readonly<Record<Rows | 'users', readonly number[]>>;
}

export interface Pair {
  /** Who asks. */
  readonly asker: Owner;
  /** Whose rows are asked for. */
  readonly other: Owner;
}

/** One request of the asker's, and what must come of it. */
export interface Attempt {
  readonly operation: Operation;
  readonly door: Door;
  readonly as: Role;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the row it is about. */
  readonly id: number | null;
  readonly status: 200 | 400 | 404;
}

type Asked = Pick<Attempt, 'operation' | 'door' | 'as' | 'id'>;
type Variant = Partial<Pick<Attempt, 'method' | 'path' | 'headers' | 'status'>>;

function scopeOf({ name }: Operation): ListScope | RowScope {
  const scope = SCOPES[name];
  if (scope === undefined || scope === 'makes') throw new Error(`${name} has no scope`);
  return scope;
}

/** Whether asking changes nothing of the asker's. */
export function isAskable({ name }: Operation): boolean {
  return SCOPES[name] !== undefined && SCOPES[name] !== 'makes';
}

function statusOf({ operation, as, id }: Asked, { asker, other }: Pair): 200 | 404 {
  const scope = scopeOf(operation);
  if ('tells' in scope) return 200;
  const isOf = (owner: Owner) => id !== null && owner.ids[scope.of].includes(id);
  const seesAll = scope.also !== undefined && (as === scope.also || as === 'admin');
  return isOf(asker) || (isOf(other) && seesAll) ? 200 : 404;
}

function attempt(asked: Asked, pair: Pair, variant: Variant = {}): Attempt {
  const { operation, id } = asked;
  return {
    ...asked,
    method: operation.method,
    path: operation.path.replace('{id}', String(id)),
    headers: {},
    status: statusOf(asked, pair),
    ...variant,
  };
}

/** Every row of the other user's at every door, in every role, read and looked at with HEAD. */
export function everyAttempt(
  operations: readonly Operation[],
  doorsTo: (path: string) => readonly Door[],
  pair: Pair,
): Attempt[] {
  return operations.flatMap((operation) => {
    const scope = scopeOf(operation);
    const ids: readonly (number | null)[] =
      'tells' in scope ? [null] : [...pair.other.ids[scope.of], UNKNOWN_ID];
    const methods = operation.method === 'GET' ? ['GET', 'HEAD'] : [operation.method];
    return doorsTo(operation.path).flatMap((door) =>
      ROLES.flatMap((as) =>
        ids.flatMap((id) => methods.map((method) => attempt({ operation, door, as, id }, pair, { method }))),
      ),
    );
  });
}

/** One step of the walk: any route, any id, filters and cursors of the other user's, headers that claim to be them. */
export function anyAttempt(
  choices: Choices,
  operations: readonly Operation[],
  doorsTo: (path: string) => readonly Door[],
  pair: Pair,
): Attempt {
  const operation = choices.pick(operations);
  const scope = scopeOf(operation);
  const id = 'tells' in scope ? null : anyId(choices, scope, operation.method, pair);
  const asked = { operation, id, door: choices.pick(doorsTo(operation.path)), as: choices.pick(ROLES) };
  const isHead = operation.method === 'GET' && choices.chance(0.1);
  const named = choices.chance(0.1);
  const query = [
    ...anyQuery(choices, operation, pair),
    // Nobody can be named: what a route does not know is refused.
    ...(named ? [`userId=${pair.other.userId}`] : []),
  ];
  const written = choices.chance(0.2) ? percentCoded(String(id)) : String(id);
  return attempt(asked, pair, {
    method: isHead ? 'HEAD' : operation.method,
    path: operation.path.replace('{id}', written) + (query.length > 0 ? `?${query.join('&')}` : ''),
    headers: choices.pick(claims(pair.other)),
    ...(named ? ({ status: 400 } as const) : {}),
  });
}

/** Of a route that writes never the asker's own: that would be taken. */
function anyId(choices: Choices, { of }: RowScope, method: string, { asker, other }: Pair): number {
  if (method === 'GET' && choices.chance(0.3)) return choices.pick(asker.ids[of]);
  return choices.chance(0.85) ? choices.pick(other.ids[of]) : UNKNOWN_ID;
}

function percentCoded(digits: string): string {
  return digits.replace(/\d/g, (digit) => `%3${digit}`);
}

const cursorOf = (id: number) => Buffer.from(JSON.stringify(id)).toString('base64url');

function anyQuery(choices: Choices, operation: Operation, { asker, other }: Pair): string[] {
  const scope = scopeOf(operation);
  const told = 'tells' in scope && scope.tells !== 'balance' ? scope.tells : 'orders';
  const values: Readonly<Record<string, () => string>> = {
    limit: () => choices.pick(['1', '2', '100']),
    // As if the last page had ended just above one of the other user's rows.
    cursor: () => cursorOf(choices.pick(other.ids[told]) + 1),
    status: () => choices.pick(told === 'coupons' ? ['UNUSED', 'USED'] : ['PAID', 'CANCELLED', 'CREATED']),
    orderId: () => String(choices.pick([...other.ids.orders, ...asker.ids.orders])),
    from: () => '2020-01-01T00:00:00Z',
    to: () => '2099-01-01T00:00:00Z',
  };
  return operation.query
    .filter(() => choices.chance(0.4))
    .map(({ name }) => {
      const value = values[name]?.();
      if (value === undefined) throw new Error(`${operation.name}: what may ${name} be?`);
      return `${name}=${urlText(value)}`;
    });
}

/** Headers by which gateways and frameworks are told who calls, or what is called. None of them counts here. */
function claims({ userId, ids }: Owner): readonly Readonly<Record<string, string>>[] {
  return [
    {},
    { 'x-user-id': String(userId) },
    { 'x-user-id': String(userId), 'x-user-roles': 'admin' },
    { 'x-forwarded-user': String(userId), 'x-forwarded-for': '127.0.0.1' },
    { 'x-original-url': `/v1/orders/${ids.orders[0]}`, 'x-rewrite-url': `/v1/orders/${ids.orders[0]}` },
    { 'x-http-method-override': 'DELETE' },
    { cookie: `userId=${userId}` },
    { 'last-event-id': '1' },
  ];
}

/** What is wrong with an answer, in one sentence; null when nothing is. */
export function faultIn(asked: Attempt, answer: BareAnswer, { asker, other }: Pair): string | null {
  const { operation, id, method, status } = asked;
  if (answer.status !== status) return `answered ${answer.status}, not ${status}`;
  if (method === 'HEAD') return answer.body === '' ? null : 'a body for a HEAD';
  const scope = scopeOf(operation);
  if (status === 400) return faultOf(answer, ['VALIDATION_FAILED'], '/query/userId');
  if ('of' in scope) {
    if (status === 404) return faultOf(answer, [scope.code]);
    const owner = id !== null && asker.ids[scope.of].includes(id) ? asker : other;
    return strangers(answer.body, 'userId', [owner.userId]);
  }
  const row = scope.tells === 'balance' ? null : strangers(answer.body, 'id', asker.ids[scope.tells]);
  return (
    row ??
    strangers(answer.body, 'userId', [asker.userId]) ??
    strangers(answer.body, 'orderId', asker.ids.orders)
  );
}

/** Ids under this name that are none of `own`, in JSON or in the events of a stream. */
function strangers(body: string, name: string, own: readonly number[]): string | null {
  const told = [...body.matchAll(new RegExp(`"${name}":(\\d+)`, 'g'))].map(([, id]) => Number(id));
  const foreign = told.filter((id) => !own.includes(id));
  return foreign.length === 0 ? null : `tells of ${name} ${foreign.join()}`;
}
