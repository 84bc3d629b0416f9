import { writeFileSync } from 'node:fs';
import { startTokenIssuer } from '@orderflow/testing/token-issuer';

/** Tokens of the shop's users, signed by an issuer that runs in this process. */
export interface Tokens {
  /** What a process needs to check them. */
  readonly env: Readonly<Record<'JWKS_URL' | 'JWT_ISSUER' | 'JWT_AUDIENCE', string>>;
  /** Values of an Authorization header, user 1 first; none ends within the next five minutes. */
  authorizations(): readonly string[];
  /** The same in a file, one a line. */
  file(): string;
  close(): Promise<void>;
}

/** The services refuse tokens that live longer than 15 minutes. */
const LIFETIME_S = 840;
const RENEW_AFTER_MS = 9 * 60_000;

/** Starts the issuer; 2,000 tokens take about two seconds to sign, so they are kept for nine minutes. */
export async function startTokens(users: number, path: string): Promise<Tokens> {
  const issuer = await startTokenIssuer();
  let signedAt = Number.NEGATIVE_INFINITY;
  let current: readonly string[] = [];
  const authorizations = () => {
    if (performance.now() - signedAt < RENEW_AFTER_MS) return current;
    const exp = Math.floor(Date.now() / 1000) + LIFETIME_S;
    current = Array.from({ length: users }, (_, index) =>
      issuer.authorization('first', { sub: String(index + 1), exp }),
    );
    writeFileSync(path, `${current.join('\n')}\n`, { mode: 0o600 });
    signedAt = performance.now();
    return current;
  };
  return {
    env: { JWKS_URL: issuer.jwksUrl, JWT_ISSUER: issuer.issuer, JWT_AUDIENCE: issuer.audience },
    authorizations,
    file() {
      authorizations();
      return path;
    },
    close: () => issuer.close(),
  };
}
