/** Backends a test can ask for, and the variable that names one that is running already. */
export const BACKENDS = {
  /** A superuser's URL of a server that is the tests' own: they create roles and databases on it. */
  postgres: 'TEST_DATABASE_URL',
  /** `host:port`, comma separated. */
  kafka: 'TEST_KAFKA_BROKERS',
  redis: 'TEST_REDIS_URL',
} as const;

export type BackendKind = keyof typeof BACKENDS;

/** Where the run's backends are asked for: the path of a socket. Set for the workers by the global set-up. */
export const SOCKET_VARIABLE = 'ORDERFLOW_TEST_BACKENDS';

/** A backend of this run. `address`: a URL, for Kafka the brokers, comma separated. */
export interface RunningBackend {
  readonly address: string;
  stop(): Promise<void>;
}
