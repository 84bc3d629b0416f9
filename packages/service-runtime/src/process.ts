import { ConfigError } from './config.ts';
import { createLogger, maskCredentials, type Logger } from './logger.ts';
import { PortTakenError } from './listen.ts';

export interface Running {
  /** Takes no new work, finishes or gives up what runs, closes connections. */
  stop(): Promise<void>;
}

export const exitCodes = { clean: 0, crash: 1, configuration: 78 } as const;

/** Correctness never depends on a clean end, so it may be cut short. */
const stopMaxMs = 5_000;

/**
 * Runs a process from start to exit. SIGTERM, SIGINT and a lost IPC channel stop it within 5 s (exit 0); an error that
 * nobody caught, or a start that fails, ends it with exit 1; a wrong configuration with exit 78 and every problem on
 * standard error.
 * @param options.logger when the process has one before it starts; otherwise one of level info is made
 */
export async function runProcess(options: {
  name: string;
  logger?: Logger;
  start: () => Promise<Running> | Running;
}): Promise<void> {
  const logger = options.logger ?? createLogger({ service: options.name, level: 'info' });
  let asked: string | undefined;
  let running: Running | undefined;
  let stopping: Promise<void> | undefined;

  const stop = (reason: string): void => {
    asked ??= reason;
    if (!running || stopping) return;
    logger.info({ reason: asked }, 'stopping');
    stopping = stopWithin(running, logger);
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  // The launcher died: nobody would ever stop this process.
  if (process.connected) process.on('disconnect', () => stop('the parent process is gone'));
  // Standard output may end with the parent; a line that cannot be written must not end the work.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  process.on('uncaughtException', (error) => crash(logger, error));
  process.on('unhandledRejection', (error) => crash(logger, error));

  try {
    running = await options.start();
  } catch (error) {
    endFailedStart(logger, options.name, error);
  }
  if (asked !== undefined) stop(asked);
}

async function stopWithin(running: Running, logger: Logger): Promise<void> {
  const startedAt = performance.now();
  setTimeout(() => {
    logger.warn({ afterMs: stopMaxMs }, 'stopping took too long; leaving what was running');
    process.exit(exitCodes.clean);
  }, stopMaxMs).unref();
  try {
    await running.stop();
  } catch (error) {
    crash(logger, error);
  }
  logger.info({ ms: Math.round(performance.now() - startedAt) }, 'stopped');
  process.exit(exitCodes.clean);
}

function crash(logger: Logger, error: unknown): never {
  logger.fatal({ err: error }, 'crashed');
  process.exit(exitCodes.crash);
}

function endFailedStart(logger: Logger, name: string, error: unknown): never {
  if (error instanceof ConfigError) {
    process.stderr.write(`${name}: ${maskCredentials(error.message)}\n`);
    process.exit(exitCodes.configuration);
  }
  if (error instanceof PortTakenError) logger.fatal(`cannot start: ${error.message}`);
  else logger.fatal({ err: error }, 'cannot start');
  process.exit(exitCodes.crash);
}
