import pc from 'picocolors';
import { seconds } from '../messages.ts';

const LINE_EVERY_MS = 2000;

/** Shows how far a piece of work is: one line that is rewritten in a terminal, a line every two seconds elsewhere. */
export interface Progress {
  /** @param state what is so far, as `120 of 200 orders placed`. */
  update(state: string): void;
  done(state: string): void;
}

export function startProgress(output: NodeJS.WriteStream = process.stdout): Progress {
  const startedAt = performance.now();
  let printedAt = startedAt;
  return {
    update(state) {
      if (output.isTTY) {
        output.write(`\r\u001b[2K  ${pc.cyan('…')} ${state}`);
      } else if (performance.now() - printedAt > LINE_EVERY_MS) {
        printedAt = performance.now();
        output.write(`  … ${state}\n`);
      }
    },
    done(state) {
      const time = pc.dim(`[${seconds(performance.now() - startedAt)}]`);
      output.write(`${output.isTTY ? '\r\u001b[2K' : ''}  ${pc.green('✔')} ${state} ${time}\n`);
    },
  };
}
