import { request } from 'node:http';
import { SOCKET_VARIABLE, type BackendKind } from './backend-kinds.ts';

/**
 * The run's Postgres: a superuser's URL. The first suite that asks starts it, all share it: a suite works in a
 * database of its own (`createTestDatabase`).
 * @throws Error outside a jest project with the global set-up, or with the reason why it did not start
 */
export function postgresUrl(): Promise<string> {
  return ask('postgres');
}

/** The run's Kafka: broker addresses. Suites share the broker and use topics and groups of their own. */
export async function kafkaBrokers(): Promise<readonly string[]> {
  return (await ask('kafka')).split(',');
}

/** The run's Redis. Suites share it: keys carry a prefix of the suite's own. */
export function redisUrl(): Promise<string> {
  return ask('redis');
}

function ask(kind: BackendKind): Promise<string> {
  const socketPath = process.env[SOCKET_VARIABLE];
  if (!socketPath) throw new Error(`no backends here: ${SOCKET_VARIABLE} is set by the int project's set-up`);
  return new Promise((resolve, reject) => {
    // A kept connection may be closed by the other side just when it is used again (EPIPE on a busy machine).
    request({ socketPath, path: `/${kind}`, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () =>
        response.statusCode === 200 ? resolve(text) : reject(new Error(`${kind} did not start: ${text}`)),
      );
    })
      .on('error', reject)
      .end();
  });
}
