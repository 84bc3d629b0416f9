import { join } from 'node:path';
import { startKafka } from '@orderflow/local/kafka';
import { startPostgres } from '@orderflow/local/postgres';
import { startRedis } from '@orderflow/local/redis';
import { ROOT } from '@orderflow/local/settings';
import type { BackendKind, RunningBackend } from './backend-kinds.ts';
import { freePort } from './free-port.ts';

/** Nothing of a test run needs to survive a power cut. */
const THROWN_AWAY = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  shared_buffers: '64MB',
};

/** Starts the same backends as `npm start` does, without Docker, in `dir`; they end with this process. */
export async function startEmbedded(kind: BackendKind, dir: string): Promise<RunningBackend> {
  const folder = join(dir, kind);
  const log = join(dir, `${kind}.log`);
  switch (kind) {
    case 'postgres': {
      const postgres = await startPostgres({
        dir: folder,
        port: await freePort(),
        log,
        settings: THROWN_AWAY,
      });
      return { address: postgres.url, stop: () => postgres.stop() };
    }
    case 'kafka': {
      const libs = join(ROOT, '.local', 'kafka', 'libs');
      const [port, controllerPort] = [await freePort(), await freePort()];
      const kafka = await startKafka({ dir: folder, port, controllerPort, libs, log });
      return { address: kafka.brokers.join(','), stop: () => kafka.stop() };
    }
    case 'redis': {
      const redis = await startRedis({ dir: folder, port: await freePort(), log });
      return { address: redis.url, stop: () => redis.stop() };
    }
  }
}
