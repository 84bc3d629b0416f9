import { pino, stdTimeFunctions, type Logger } from 'pino';

export type { Logger };

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

const secretFields = ['authorization', 'password', 'token', 'accessToken', 'cookie', 'secret'];

/** An error of ioredis carries the command that failed: of AUTH the password. */
const secretPaths = ['err.command.args'];

/** Passwords in URLs and bearer tokens, wherever in a line they stand (messages and stacks included). */
const urlPassword = /([a-z][a-z0-9+.-]*:\/\/[^\s:@/"]*):[^\s@/"]+@/gi;
const bearerToken = /(bearer )[A-Za-z0-9._~+/-]+=*/gi;

/** Hides credentials in any text that may reach a log or a terminal. */
export function maskCredentials(text: string): string {
  return text.replace(urlPassword, '$1:***@').replace(bearerToken, '$1***');
}

/**
 * JSON lines on standard output, written synchronously so that the last line before an exit is not lost.
 * Fields with the name of a secret are redacted at the first three levels, credentials in text everywhere.
 * @param options.service the process's name, in every line as `service`
 * @param options.destination where lines go instead of standard output (tests)
 */
export function createLogger(options: {
  service: string;
  level: LogLevel;
  destination?: { write(line: string): void };
}): Logger {
  const settings = {
    level: options.level,
    base: { service: options.service, pid: process.pid },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: [...secretPaths, ...secretFields.flatMap((field) => [field, `*.${field}`, `*.*.${field}`])],
      censor: '***',
    },
    hooks: { streamWrite: maskCredentials },
  };
  return options.destination ? pino(settings, options.destination) : pino(settings);
}
