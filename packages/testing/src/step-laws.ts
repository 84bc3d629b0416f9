import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { randomInt } from 'node:crypto';
import { checkCrash, checkReplay, checkSplit, checkStatements, type LawRun } from './laws.ts';
import type { LawSubject } from './law-subject.ts';

/** One law may make some hundred transactions. */
const TIMEOUT_MS = 60_000;

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

    it(
      'i: delivering again changes no row and sends nothing',
      () => checkReplay(opened.subject, run),
      TIMEOUT_MS,
    );
    it('ii: any split of a batch ends the same', () => checkSplit(opened.subject, run), TIMEOUT_MS);
    it(
      'iii: a crash leaves nothing; after a lost COMMIT it is run again',
      () => checkCrash(opened.subject, run),
      TIMEOUT_MS,
    );
    it(
      'iv: the number of statements does not grow with the batch',
      () => checkStatements(opened.subject, run),
      TIMEOUT_MS,
    );
  });
}
