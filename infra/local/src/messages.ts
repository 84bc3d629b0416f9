import { relative } from 'node:path';
import pc from 'picocolors';
import { diskUse } from './disk.ts';
import { PROCESS_NAMES } from './ports.ts';
import { memoryOf, withDescendants } from './process-table.ts';
import type { LauncherSettings } from './settings.ts';
import type { Stack } from './stack-file.ts';
import type { SupervisorEvent } from './supervisor.ts';

/** `12.3 s` */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

/** A path as a person would type it from the checkout. */
function shortPath(root: string, path: string): string {
  const short = relative(root, path);
  return short === '' || short.startsWith('..') ? path : short;
}

/** One line about a process that died or came back; null for what needs no word. */
export function describeEvent(event: SupervisorEvent): string | null {
  switch (event.kind) {
    case 'launched':
      return null;
    case 'died':
      return pc.yellow(
        `${event.name} ended (${event.how}); starting it again in ${seconds(event.retryInMs)}`,
      );
    case 'ready-again':
      return pc.green(`${event.name} is ready again after ${seconds(event.afterMs)}`);
  }
}

/** Where everything is, for the person who started it. */
export function describeStack(stack: Stack, settings: LauncherSettings): string {
  const state = shortPath(settings.root, settings.stateDir);
  const urls = PROCESS_NAMES.map((name) => {
    const url = name === 'gateway' ? stack.gateway : stack.services[name];
    return `  ${name.padEnd(13)} ${url}   internal ${stack.internal[name]}`;
  });
  return [
    ...urls,
    `  ${'postgres'.padEnd(13)} 127.0.0.1:${settings.ports.postgres}`,
    `  ${'kafka'.padEnd(13)} ${stack.kafka.brokers.join(', ')}`,
    `  ${'redis'.padEnd(13)} ${stack.redis}`,
    `  ${'everything'.padEnd(13)} ${state}/stack.json, logs in ${state}/logs`,
  ].join('\n');
}

/** Memory and disk of the stack at this moment, the launcher included. */
export function describeFootprint(stack: Stack, settings: LauncherSettings): string {
  const memory = memoryOf(withDescendants([stack.launcher.pid]));
  const disk = `disk ${megabytes(diskUse(settings.stateDir))} in ${shortPath(settings.root, settings.stateDir)}`;
  return memory === null ? disk : `memory ${megabytes(memory)} (PSS, all processes), ${disk}`;
}
