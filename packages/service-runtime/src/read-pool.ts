import type { PoolConfig } from 'pg';

/**
 * The settings of a pool for plain reads and admin writes, apart from that of steps: a slow list never holds up a step.
 * @param service its name, shown in pg_stat_activity
 */
export function readPool(service: string, url: string): PoolConfig {
  return {
    connectionString: url,
    application_name: `${service} reads`,
    max: 5,
    connectionTimeoutMillis: 2_000,
    statement_timeout: 5_000,
    // Prisma's adapter drops a timestamp's offset and takes the rest for UTC.
    options: '-c timezone=UTC',
  };
}
