import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTimeOf } from '@orderflow/local/process-table';
import { BACKENDS, type BackendKind, type RunningBackend } from './backend-kinds.ts';

const FOLDER = /^orderflow-tests-(\d+)-/;

export interface BackendServer {
  /** Path of the socket that `backends.ts` asks. */
  readonly socket: string;
  stop(): Promise<void>;
}

/**
 * Answers the workers' question for a backend with its address, and starts it when it is asked for first: a run of
 * one Postgres suite starts no Kafka. All of it ends with this process, however that ends.
 */
export async function startBackendServer(): Promise<BackendServer> {
  removeLeftovers();
  const dir = mkdtempSync(join(tmpdir(), `orderflow-tests-${process.pid}-`));
  const running = new Map<BackendKind, Promise<RunningBackend>>();
  const backend = (kind: BackendKind) => {
    const known = running.get(kind) ?? start(kind, dir);
    running.set(kind, known);
    return known;
  };
  const server = createServer((request, response) => {
    const kind = request.url?.slice(1) ?? '';
    if (!isBackend(kind)) return void response.writeHead(404).end(`unknown backend ${kind}`);
    backend(kind).then(
      ({ address }) => response.end(address),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : String(error)),
    );
  });
  const socket = join(dir, 'backends.sock');
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  server.unref();
  // Nearly every suite of the project needs it: it starts while jest reads the tests.
  backend('postgres').catch(() => undefined);
  return {
    socket,
    async stop() {
      server.close();
      const started = await Promise.allSettled(running.values());
      const stops = started.map((result) =>
        result.status === 'fulfilled' ? result.value.stop() : Promise.resolve(),
      );
      await Promise.allSettled(stops);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function start(kind: BackendKind, dir: string): Promise<RunningBackend> {
  const address = process.env[BACKENDS[kind]];
  if (address) return { address, stop: () => Promise.resolve() };
  // Loaded only here: testcontainers takes 0.7 s to load, embedded backends never need it.
  if (process.env['DOCKER_HOST'] || hasDockerSocket()) {
    const { dockerAnswers, startContainer } = await import('./container-backends.ts');
    if (await dockerAnswers()) return startContainer(kind);
  }
  const { startEmbedded } = await import('./embedded-backends.ts');
  mkdirSync(join(dir, kind));
  return startEmbedded(kind, dir);
}

function hasDockerSocket(): boolean {
  return existsSync('/var/run/docker.sock');
}

function isBackend(kind: string): kind is BackendKind {
  return Object.hasOwn(BACKENDS, kind);
}

/** Folders of runs that were killed; their processes are gone already. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = FOLDER.exec(name)?.[1];
    if (pid !== undefined && startTimeOf(Number(pid)) === null) {
      rmSync(join(tmpdir(), name), { recursive: true, force: true });
    }
  }
}
