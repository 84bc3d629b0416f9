import { createRequests } from './api-requests.ts';
import { createSender, type SenderOptions } from './request-sender.ts';

export type Role = 'operator' | 'admin';

/** A token is replaced this long before it ends. */
const SPARE_MS = 60_000;

interface Token {
  readonly accessToken: string;
  readonly goodUntil: number;
}

/**
 * Tokens from the token endpoint that a local stack has and production has not: for any user id, known or not, and any
 * roles. Give the result to `createClient` as `token`. A token is used until a minute before its end; callers at the
 * same time share one.
 *
 * @param userId who the caller will be
 * @throws (the function returned) ApiProblem ROUTE_NOT_FOUND where there is no such endpoint, Unreachable
 */
export function localToken(
  baseUrl: string,
  userId: number,
  roles: readonly Role[] = [],
  options: Pick<SenderOptions, 'fetch' | 'retry'> = {},
): () => Promise<string> {
  const { requests } = createRequests(baseUrl, createSender(options));
  let current: Promise<Token> | null = null;
  const renew = async (): Promise<Token> => {
    const body = { userId, roles: [...roles] };
    const { accessToken, expiresIn } = await requests.post('/v1/auth/token', { body, resend: true });
    return { accessToken, goodUntil: Date.now() + expiresIn * 1000 - SPARE_MS };
  };
  const share = (renewing: Promise<Token>): Promise<Token> => {
    current = renewing;
    // A failure is for those who wait for it; the next caller tries anew.
    renewing.catch(() => {
      if (current === renewing) current = null;
    });
    return renewing;
  };
  return async () => {
    if (current === null) return (await share(renew())).accessToken;
    const known = current;
    const token = await known;
    if (Date.now() < token.goodUntil) return token.accessToken;
    return (await (current === known || current === null ? share(renew()) : current)).accessToken;
  };
}
