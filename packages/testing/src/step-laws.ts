import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { randomInt } from 'node:crypto';
import { checkCrash, checkReplay, checkSplit, checkStatements, type LawRun } from './laws.ts';
import type { LawSubject } from './law-subject.ts';

/** One law may make some hundred transactions. */
const TIMEOUT_MS = 60_000;

const LAWS = [
  ['law i: delivering again changes no row and sends nothing', checkReplay],
  ['law ii: any split of a batch ends the same', checkSplit],
  ['law iii: a crash leaves nothing; after a lost COMMIT or a stall nothing is done twice', checkCrash],
  ['law iv: the number of statements does not grow with the batch', checkStatements],
] as const;

/**
 * Registers the four laws as tests of a step on a real Postgres. Batches are random; the title names their seed, and
 * LAW_SEED makes them again.
 * @param open makes the subject before the first law; `close` ends its pools and drops its database
 */
export function describeStepLaws(
  step: string,
  open: () => Promise<{ subject: LawSubject; close: () => Promise<unknown> }>,
): void {
  const given = Number(process.env['LAW_SEED']);
  const run: LawRun = { seed: given || randomInt(2 ** 31) };

  describe(`${step} keeps the four laws (seed ${run.seed})`, () => {
    let opened: Awaited<ReturnType<typeof open>>;
    beforeAll(async () => {
      opened = await open();
    }, TIMEOUT_MS);
    afterAll(() => opened.close());

    it.each(LAWS)(
      '%s',
      async (law, check) => {
        await check(opened.subject, run);
        // Past jest, which names no test when it runs several files: the list of steps and laws is what one looks for.
        process.stdout.write(`  ✔ ${step}: ${law}\n`);
      },
      TIMEOUT_MS,
    );
  });
}
