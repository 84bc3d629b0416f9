import { ListrTaskEventType, ListrTaskState, type ListrRendererFactory } from 'listr2';
import { seconds } from './messages.ts';

type Tasks = ConstructorParameters<ListrRendererFactory>[0];

/** Progress for a log: one line when a step has ended, with its time; nothing is drawn over. */
export class PlainRenderer {
  static rendererOptions = {};
  static rendererTaskOptions = {};
  static nonTTY = true;
  readonly #tasks: Tasks;

  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  render(): void {
    this.#follow(this.#tasks, '');
  }

  end(): void {
    // Every line was written when its step ended.
  }

  #follow(tasks: Tasks, indent: string): void {
    for (const task of tasks) {
      task.on(ListrTaskEventType.SUBTASK, (subtasks: Tasks) => this.#follow(subtasks, `${indent}  `));
      task.on(ListrTaskEventType.STATE, (state) => {
        const line = `${String(task.title)} ${seconds(task.message.duration ?? 0)}`;
        if (state === ListrTaskState.COMPLETED) process.stdout.write(`${indent}✔ ${line}\n`);
        if (state === ListrTaskState.FAILED) process.stdout.write(`${indent}✘ ${line}\n`);
        if (state === ListrTaskState.SKIPPED)
          process.stdout.write(`${indent}- ${String(task.title)} skipped\n`);
      });
    }
  }
}
