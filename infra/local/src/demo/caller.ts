import { createClient, type OrderflowClient } from '@orderflow/client';
import { localToken, type Role } from '@orderflow/client/local-token';

/** The API as one user of the local stack sees it. */
export interface Caller extends OrderflowClient {
  readonly userId: number;
}

/** A stack that is started again is back within a minute. */
const RETRY = { limitMs: 90_000 };

/** Any user id, known or not: the first admin comes from here. */
export function callerOf(gateway: string, userId: number, roles: readonly Role[] = []): Caller {
  const token = localToken(gateway, userId, roles, { retry: RETRY });
  return { userId, ...createClient({ baseUrl: gateway, token, retry: RETRY }) };
}
