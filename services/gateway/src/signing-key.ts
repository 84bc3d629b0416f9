import { createPrivateKey, createPublicKey, generateKeyPair, randomUUID, type KeyObject } from 'node:crypto';
import { link, mkdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { calculateJwkThumbprint, exportJWK, SignJWT, type JWK } from 'jose';
import { ConfigError } from '@orderflow/service-runtime/config';

/** The longest life the services accept. */
const lifetimeSeconds = 900;

export interface SigningKey {
  /** The public half, as /.well-known/jwks.json shows it. */
  readonly publicJwk: JWK;
  /** An access token for a user, valid for `expiresIn` seconds from now. */
  sign(claims: {
    userId: number;
    roles: readonly string[];
  }): Promise<{ accessToken: string; expiresIn: number }>;
}

/**
 * Reads the local signing key, or makes it (RSA 2048, PKCS 8, mode 0600) when the file is missing. Tokens survive a
 * restart because the file does.
 * @throws ConfigError for a file that others can read or that holds no RSA private key
 */
export async function openSigningKey(options: {
  file: string;
  issuer: string;
  audience: string;
}): Promise<SigningKey> {
  const privateKey = parseKey(options.file, await readOrMakeKey(options.file));
  const bare = await exportJWK(createPublicKey(privateKey));
  const kid = await calculateJwkThumbprint(bare);
  return {
    publicJwk: { ...bare, kid, alg: 'RS256', use: 'sig' },
    async sign({ userId, roles }) {
      const accessToken = await new SignJWT({ roles: [...roles] })
        .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid })
        .setSubject(String(userId))
        .setIssuer(options.issuer)
        .setAudience(options.audience)
        .setIssuedAt()
        .setExpirationTime(`${lifetimeSeconds}s`)
        .sign(privateKey);
      return { accessToken, expiresIn: lifetimeSeconds };
    },
  };
}

async function readOrMakeKey(file: string): Promise<string> {
  const existing = await readKey(file);
  if (existing !== undefined) return existing;
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  // Written aside, then linked: of two gateways that start together one wins, and neither reads half a file.
  const aside = `${file}.${randomUUID()}`;
  await writeFile(aside, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600, flag: 'wx' });
  try {
    await link(aside, file);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    await unlink(aside);
  }
  return readFile(file, 'utf8');
}

async function readKey(file: string): Promise<string | undefined> {
  try {
    const { mode } = await stat(file);
    if ((mode & 0o077) !== 0) {
      throw new ConfigError([`LOCAL_SIGNING_KEY_FILE: others can read ${file}; run: chmod 600 ${file}`]);
    }
    return await readFile(file, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function parseKey(file: string, pem: string): KeyObject {
  const unusable = new ConfigError([
    `LOCAL_SIGNING_KEY_FILE: ${file} holds no RSA private key of 2048 bits or more; delete it to get a new one`,
  ]);
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw unusable;
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== 'rsa' || bits < 2048) throw unusable;
  return key;
}

function hasCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code;
}
