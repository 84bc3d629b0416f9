import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { boundToParent } from '@orderflow/local/child';
import { PROCESS_NAMES, type ProcessName } from '@orderflow/local/ports';
import { ROOT } from '@orderflow/local/settings';
import { freePort } from '@orderflow/testing/free-port';
import { waitUntil } from '@orderflow/testing/wait-until';
import { parse } from 'yaml';

type Environment = Readonly<Record<string, string>>;

const CONFIGURATION = 78;
/** One that ought to refuse and does not is stopped then. */
const LIMIT_MS = 15_000;
const SECRET = 'n0ne-of-y0ur-business';

/** What the process is shown with in its .env.example. */
function exampleOf(name: ProcessName): Environment {
  const text = readFileSync(join(ROOT, 'services', name, '.env.example'), 'utf8');
  const lines = text.matchAll(/^([A-Z][A-Z0-9_]*)=(.*)$/gm);
  return Object.fromEntries([...lines].map(([, variable, value]) => [String(variable), String(value)]));
}

/** What docker-compose.yml gives it when nothing is set. */
function trialOf(name: ProcessName): Environment {
  const { services } = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
    services: Readonly<Record<string, { environment?: Readonly<Record<string, string | number>> }>>;
  };
  const given = Object.entries(services[name]?.environment ?? {});
  return Object.fromEntries(
    given.map(([variable, value]) => [variable, String(value).replace(/\$\{\w+:-([^}]*)\}/g, '$1')]),
  );
}

/** The example with everything changed that production asks for. No backend listens where it points. */
async function productionOf(name: ProcessName): Promise<Environment> {
  const role = name.replaceAll('-', '_');
  const database = (as: string) => `postgres://${role}_${as}:${SECRET}@127.0.0.1:1/${role}`;
  return {
    ...exampleOf(name),
    NODE_ENV: 'production',
    PORT: '0',
    INTERNAL_PORT: String(await freePort()),
    REDIS_URL: 'redis://127.0.0.1:1',
    JWT_ISSUER: 'https://login.example.com',
    JWKS_URL: 'https://login.example.invalid/jwks.json',
    ...(name === 'gateway'
      ? { LOCAL_SIGNING_KEY_FILE: '' }
      : {
          DATABASE_URL: database('app'),
          MIGRATION_DATABASE_URL: database('owner'),
          KAFKA_BROKERS: '127.0.0.1:1',
        }),
  };
}

/** Runs a built process with this environment and nothing else. */
function start(name: ProcessName, env: Environment) {
  const words = Object.entries(env).map(([variable, value]) => `${variable}=${value}`);
  const program = ['-i', ...words, process.execPath, join('dist', 'main.js')];
  const [command = '', ...args] = boundToParent('SIGTERM', 'env', program);
  const child = spawn(command, args, {
    cwd: join(ROOT, 'services', name),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, output }));
  return { child, ended };
}

/** The variables that a refusal names, in the order of the alphabet. */
function namedIn(output: string): string[] {
  return [...output.matchAll(/^ {2}- ([A-Z][A-Z0-9_]*)\b/gm)].map(([, variable]) => String(variable)).sort();
}

const REFUSED: Readonly<Record<'gateway' | 'service', readonly string[]>> = {
  gateway: ['JWKS_URL', 'JWT_ISSUER', 'LOCAL_SIGNING_KEY_FILE'],
  service: ['DATABASE_URL', 'JWKS_URL', 'JWT_ISSUER', 'MIGRATION_DATABASE_URL'],
};

const DEFAULTS = PROCESS_NAMES.flatMap((name) => [
  [name, '.env.example', exampleOf(name)] as const,
  [name, 'docker-compose.yml', trialOf(name)] as const,
]);

describe('with NODE_ENV=production', () => {
  it.each(DEFAULTS)('%s refuses the defaults of %s, naming each', async (name, _file, defaults) => {
    const { code, output } = await start(name, { ...defaults, NODE_ENV: 'production' }).ended;
    expect({ code, named: namedIn(output) }).toEqual({
      code: CONFIGURATION,
      named: REFUSED[name === 'gateway' ? name : 'service'],
    });
  });

  it.each(PROCESS_NAMES)('%s starts with secrets of its own, and tells none of them', async (name) => {
    const env = await productionOf(name);
    const { child, ended } = start(name, env);
    const livez = async () => (await fetch(`http://127.0.0.1:${env['INTERNAL_PORT']}/livez`)).status;
    try {
      const living = waitUntil(async () => (await livez()) === 200, { what: `${name} to live` });
      // When it ends instead, its code below says so.
      await Promise.race([living, ended]).finally(() => living.catch(() => undefined));
    } finally {
      child.kill('SIGTERM');
    }
    const { code, output } = await ended;
    expect({ code, output }).toMatchObject({ code: 0 });
    expect(output).not.toContain(SECRET);
  });
});
