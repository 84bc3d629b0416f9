import { GenericContainer, Wait, getContainerRuntimeClient } from 'testcontainers';
import type { BackendKind, RunningBackend } from './backend-kinds.ts';
import { freePort } from './free-port.ts';

const IMAGES = { postgres: 'postgres:18', kafka: 'apache/kafka:4.4.0', redis: 'redis:8' } as const;
const PASSWORD = 'tests-only';

/** Whether a container runtime answers. */
export async function dockerAnswers(): Promise<boolean> {
  return getContainerRuntimeClient().then(
    () => true,
    () => false,
  );
}

/** Starts a backend in a container; testcontainers' reaper removes it also when this process is killed. */
export async function startContainer(kind: BackendKind): Promise<RunningBackend> {
  switch (kind) {
    case 'postgres': {
      const server = await new GenericContainer(IMAGES.postgres)
        .withEnvironment({ POSTGRES_PASSWORD: PASSWORD })
        .withCommand([
          'postgres',
          '-c',
          'fsync=off',
          '-c',
          'full_page_writes=off',
          '-c',
          'max_connections=200',
        ])
        .withExposedPorts(5432)
        // The image starts its server twice: the first one only runs the set-up scripts.
        .withWaitStrategy(Wait.forLogMessage('ready to accept connections', 2))
        .start();
      const address = `postgres://postgres:${PASSWORD}@${server.getHost()}:${server.getMappedPort(5432)}/postgres`;
      return { address, stop: async () => void (await server.stop()) };
    }
    case 'kafka':
      return startKafkaContainer();
    case 'redis': {
      const server = await new GenericContainer(IMAGES.redis)
        .withExposedPorts(6379)
        .withWaitStrategy(Wait.forLogMessage('Ready to accept connections'))
        .start();
      const address = `redis://${server.getHost()}:${server.getMappedPort(6379)}`;
      return { address, stop: async () => void (await server.stop()) };
    }
  }
}

/** The broker must name an address that its clients reach, so its port outside is chosen before it starts. */
async function startKafkaContainer(): Promise<RunningBackend> {
  const port = await freePort();
  const address = `127.0.0.1:${port}`;
  const broker = await new GenericContainer(IMAGES.kafka)
    .withExposedPorts({ container: 9092, host: port })
    .withEnvironment({
      KAFKA_PROCESS_ROLES: 'broker,controller',
      KAFKA_NODE_ID: '1',
      KAFKA_CONTROLLER_QUORUM_VOTERS: '1@127.0.0.1:9093',
      KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
      KAFKA_LISTENERS: 'PLAINTEXT://0.0.0.0:9092,CONTROLLER://127.0.0.1:9093',
      KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://${address}`,
      KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
      KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
      KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
      KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '1',
      KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR: '1',
      KAFKA_TRANSACTION_STATE_LOG_MIN_ISR: '1',
      KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
    })
    .withWaitStrategy(Wait.forLogMessage('Kafka Server started'))
    .start();
  return { address, stop: async () => void (await broker.stop()) };
}
