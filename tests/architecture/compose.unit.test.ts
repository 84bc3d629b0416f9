import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { NODE_ARGS } from '@orderflow/local/services';
import { parse } from 'yaml';
import { REPOSITORY } from './planted-tree.ts';

interface ComposeService {
  readonly image: string;
  readonly build?: { readonly target: string; readonly args: Readonly<Record<string, string>> };
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number>>;
  readonly healthcheck?: { readonly test?: readonly string[]; readonly disable?: boolean };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly ports?: readonly string[];
}

const PARTICIPANTS = ['order', 'payment', 'product', 'coupon', 'user-balance'] as const;
const PROCESSES = [...PARTICIPANTS, 'gateway'] as const;
const JOBS = ['databases', 'topics'] as const;

const text = (path: string) => readFileSync(join(REPOSITORY, path), 'utf8');
const { services } = parse(text('docker-compose.yml'), { merge: true }) as {
  services: Readonly<Record<string, ComposeService>>;
};

function service(name: string): ComposeService {
  const found = services[name];
  if (!found) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
}

/** Variables that an .env.example names, commented-out ones included. */
function exampleVariables(name: string): string[] {
  return [...text(`services/${name}/.env.example`).matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm)].map(
    ([, key]) => key ?? '',
  );
}

/** Fields of an environment schema, by their spelling. */
function schemaVariables(path: string): string[] {
  return [...text(path).matchAll(/^ +([A-Z][A-Z0-9_]+):/gm)].map(([, key]) => key ?? '');
}

describe('docker-compose.yml', () => {
  it('starts the backends, two jobs and the six processes', () => {
    expect(Object.keys(services).sort()).toEqual(
      ['kafka', 'postgres', 'redis', ...JOBS, ...PROCESSES].sort(),
    );
  });

  it('has a health check for each process, and waits for the end of each job', () => {
    const isJob = (name: string) => (JOBS as readonly string[]).includes(name);
    for (const [name, { healthcheck, depends_on: needs = {} }] of Object.entries(services)) {
      expect([name, healthcheck?.disable ?? false, (healthcheck?.test ?? []).length > 0]).toEqual([
        name,
        isJob(name),
        !isJob(name),
      ]);
      for (const job of JOBS.filter((needed) => needed in needs)) {
        expect(needs[job]).toEqual({ condition: 'service_completed_successfully' });
      }
    }
  });

  it('pins every image to one version', () => {
    const pinned = /:\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?$/;
    expect(Object.values(services).filter(({ image }) => !pinned.test(image))).toEqual([]);
  });

  it('gives no container a capability, or a file system to write to besides its volumes', () => {
    // The broker's start script writes its configuration beside its programs.
    const loose = Object.entries(services).filter(
      ([name, { cap_drop: dropped, read_only: readOnly }]) =>
        dropped?.[0] !== 'ALL' || (readOnly !== true && name !== 'kafka'),
    );
    expect(loose).toEqual([]);
  });

  it('publishes ports on this machine only', () => {
    const ports = Object.values(services).flatMap((container) => container.ports ?? []);
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
  });

  it('builds the six processes from the one Dockerfile', () => {
    for (const name of PROCESSES) {
      expect(service(name).build).toEqual({ context: '.', target: 'service', args: { SERVICE: name } });
    }
  });

  it.each(PROCESSES)('sets only variables that the .env.example of %s names', (name) => {
    const known = new Set(exampleVariables(name));
    expect(Object.keys(service(name).environment ?? {}).filter((key) => !known.has(key))).toEqual([]);
  });

  it.each(PARTICIPANTS)('gives %s its own database and roles, and the order of things', (name) => {
    const database = name.replace('-', '_');
    const { environment, depends_on: needs } = service(name);
    expect(environment?.['DATABASE_URL']).toMatch(new RegExp(`//${database}_app:.*/${database}$`));
    expect(environment?.['MIGRATION_DATABASE_URL']).toMatch(
      new RegExp(`//${database}_owner:.*/${database}$`),
    );
    expect(text('infra/postgres/init.sh')).toMatch(new RegExp(`for name in .*\\b${database}\\b.*; do`));
    expect(needs).toEqual({
      databases: { condition: 'service_completed_successfully' },
      topics: { condition: 'service_completed_successfully' },
      redis: { condition: 'service_healthy' },
    });
  });
});

describe('.env.example', () => {
  const shared = 'packages/service-runtime/src/config.ts';

  it.each(PROCESSES)('of %s names each variable once', (name) => {
    const variables = exampleVariables(name);
    expect(variables).toEqual([...new Set(variables)]);
  });

  it.each(PARTICIPANTS.filter((name) => existsSync(join(REPOSITORY, `services/${name}/src/config.ts`))))(
    'of %s names what its configuration reads, and nothing else',
    (name) => {
      const read = [...schemaVariables(shared), ...schemaVariables(`services/${name}/src/config.ts`)];
      expect(exampleVariables(name).sort()).toEqual([...new Set(read)].sort());
    },
  );

  it('of gateway names what its own configuration reads', () => {
    const named = new Set(exampleVariables('gateway'));
    expect(schemaVariables('services/gateway/src/config.ts').filter((key) => !named.has(key))).toEqual([]);
  });
});

describe('Dockerfile', () => {
  const dockerfile = text('Dockerfile');

  it('runs on the Node version of .nvmrc, pinned', () => {
    const version = /^ARG NODE_IMAGE=node:(\d+\.\d+\.\d+)-/m.exec(dockerfile)?.[1] ?? '';
    expect(version.startsWith(text('.nvmrc').trim().replace(/^v/, ''))).toBe(true);
  });

  it('has the package.json of every workspace that the lockfile names', () => {
    const { workspaces } = JSON.parse(text('package.json')) as { workspaces: readonly string[] };
    const allowed = text('.dockerignore').split('\n');
    const isThere = (workspace: string) => {
      const [room = ''] = workspace.split('/');
      const copied = [workspace, workspace.replace('/*', ''), `${workspace}/package.json`];
      return (
        (allowed.includes(`!${room}`) || allowed.includes(`!${workspace}/package.json`)) &&
        copied.some((path) => dockerfile.includes(`\nCOPY --from=build /app/${path} ${path}\n`))
      );
    };
    expect(workspaces.filter((workspace) => !isThere(workspace))).toEqual([]);
  });

  it('starts a service as the local stack does, with its heap bounded', () => {
    const words = ['node', ...NODE_ARGS, 'dist/main.js'];
    expect(dockerfile).toContain(`\nCMD [${words.map((word) => `"${word}"`).join(', ')}]\n`);
  });

  it('runs nothing as root: every stage that starts something names its user', () => {
    const stages = dockerfile.split(/^FROM /m).slice(1);
    const starting = stages.filter((stage) => /^CMD /m.test(stage));
    expect(starting).toHaveLength(2);
    for (const stage of starting) expect(stage).toMatch(/^USER node$/m);
  });
});
