import { Listr, PRESET_TIMER, type ListrTask } from 'listr2';
import { runDemo } from './demo/demo.ts';
import { describeEvent, describeFootprint, describeStack, seconds } from './messages.ts';
import type { StartOptions } from './options.ts';
import { PlainRenderer } from './plain-renderer.ts';
import { PROCESS_NAMES } from './ports.ts';
import type { LauncherSettings } from './settings.ts';
import { claimState, createStack, type StackRun } from './stack.ts';
import type { SupervisorEvent } from './supervisor.ts';

export interface Terminal {
  readonly interactive: boolean;
  print(line: string): void;
}

function showEvent(terminal: Terminal, event: SupervisorEvent): void {
  const line = describeEvent(event);
  if (line !== null) terminal.print(`${new Date().toISOString().slice(11, 19)} ${line}`);
}

function processTasks(run: StackRun): ListrTask[] {
  return PROCESS_NAMES.map((name) => ({
    title: name,
    task: () => run.startProcess(name),
  }));
}

/** What is done until every process is ready. */
function startTasks(run: StackRun): ListrTask[] {
  return [
    {
      title: 'Backends',
      task: (_context, task) =>
        task.newListr(
          [
            { title: 'Postgres', task: () => run.startBackend('postgres') },
            { title: 'Kafka', task: () => run.startBackend('kafka') },
            { title: 'Redis', task: () => run.startBackend('redis') },
          ],
          { concurrent: true },
        ),
    },
    { title: 'Databases and roles', task: () => run.createDatabases() },
    { title: 'Topics', task: () => run.createTopics() },
    {
      title: 'Services',
      task: (_context, task) => task.newListr(processTasks(run), { concurrent: true }),
    },
  ];
}

async function runTasks(tasks: ListrTask[], interactive: boolean): Promise<void> {
  await new Listr(tasks, {
    renderer: interactive ? 'default' : PlainRenderer,
    // The launcher itself answers Ctrl-C: listr's own handler would end the process.
    registerSignalListeners: false,
    rendererOptions: { timer: PRESET_TIMER, collapseSubtasks: false },
  }).run();
}

/**
 * Brings the stack up, places the demo's orders and prints the summary.
 *
 * @param onStack is given the stack before anything is started, so that it can be stopped at any moment.
 * @returns whether the demo was fine (true without one).
 * @throws StartFailure when something cannot be started.
 */
export async function bringUp(
  settings: LauncherSettings,
  options: StartOptions,
  terminal: Terminal,
  onStack: (run: StackRun) => void,
): Promise<boolean> {
  const startedAt = Date.now();
  const ended = await claimState(settings, options.fresh);
  if (ended.length > 0) terminal.print(`Ended what a crashed start had left: ${ended.join(', ')}`);
  const run = createStack(settings, (event) => showEvent(terminal, event));
  onStack(run);
  await runTasks(startTasks(run), terminal.interactive);
  run.markReady();
  terminal.print(`\nOrderflow is up after ${seconds(Date.now() - startedAt)}.`);
  if (!options.demo) {
    terminal.print(describeStack(run.current(), settings));
    return true;
  }
  const { ok } = await runDemo({ stack: run.current(), orders: options.orders });
  terminal.print(`\n${describeStack(run.current(), settings)}`);
  terminal.print(`\n${describeFootprint(run.current(), settings)}`);
  return ok;
}
