import { setTimeout as wait } from 'node:timers/promises';
import type { z } from 'zod';
import { transaction } from '@orderflow/messaging/postgres';
import { problem } from '@orderflow/service-runtime/problem';
import { defineRoute } from '@orderflow/service-runtime/route';
import { recordAction } from '../action-log.ts';
import { replayContract } from '../contracts.ts';
import type { Operated } from '../operated.ts';
import type { replayRequest } from '../shapes.ts';
import { chooseDeadLetters, progressOf, type Chosen, type Refusal } from './chosen-dead-letters.ts';

/** Within the gateway's patience; what is left over is asked for again. */
const RUN_MAX_MS = 10_000;
/** An error's text may hold a whole value. */
const WHY_MAX = 300;

type Body = z.output<typeof replayRequest>;

/** Runs the steps of dead letters once more, each in a transaction of its own that also closes it (rule R9). */
export const replayDeadLettersRoute = (operated: Operated) =>
  defineRoute({
    ...replayContract,
    async handle({ body, caller, signal }) {
      const chosen = await chooseDeadLetters(operated, body);
      const run = await replayAll(operated, chosen, body, String(caller.userId), signal);
      const { done, ...result } = run;
      if (!body.dryRun && done > 0) {
        const outcome = { ids: chosen.letters.slice(0, done).map(({ id }) => id), ...result };
        await transaction(operated.kit.pool, (tx) =>
          recordAction(tx, { subject: caller.userId, action: 'dead-letters.replay', request: body, outcome }),
        );
      }
      const [only] = result.refused;
      if (body.ids?.length === 1 && only?.code === 'TOO_OLD') {
        throw problem('TOO_OLD', {
          detail: `dead letter ${only.id} was ${only.why}; it can only be discarded`,
        });
      }
      const { service, dryRun } = body;
      return {
        status: 200,
        body: {
          service,
          dryRun,
          ...progressOf(chosen, done),
          ...result,
          refused: [...chosen.missing, ...result.refused],
        },
      };
    },
  });

interface Run {
  done: number;
  replayed: number;
  noEffect: number;
  refused: Refusal[];
}

async function replayAll(
  { kit }: Operated,
  { letters }: Chosen,
  { dryRun, ratePerSecond, reason }: Body,
  closedBy: string,
  signal: AbortSignal,
): Promise<Run> {
  const started = performance.now();
  const run: Run = { done: 0, replayed: 0, noEffect: 0, refused: [] };
  for (const { id, step } of letters) {
    const dueMs = ratePerSecond === undefined ? 0 : (run.done * 1_000) / ratePerSecond;
    const elapsedMs = performance.now() - started;
    if (signal.aborted || Math.max(dueMs, elapsedMs) > RUN_MAX_MS) break;
    if (dueMs > elapsedMs) await wait(dueMs - elapsedMs, undefined, { signal }).catch(() => undefined);
    try {
      const result = await kit.replay(step, id, { dryRun, closedBy, note: reason });
      if (result === 'REPLAYED') run.replayed += 1;
      else if (result === 'NO_EFFECT') run.noEffect += 1;
      else run.refused.push(refusalOf(id, result));
    } catch (error) {
      // Nothing came of it: a backend that is away is told as such. Otherwise the rest remains.
      if (run.done === 0) throw error;
      break;
    }
    run.done += 1;
  }
  return run;
}

type ReplayResult = Exclude<Awaited<ReturnType<Operated['kit']['replay']>>, 'REPLAYED' | 'NO_EFFECT'>;

function refusalOf(id: number, result: ReplayResult): Refusal {
  if (result === null || result === 'DISCARDED') {
    return { id, code: 'DEAD_LETTER_NOT_FOUND', why: 'it was closed meanwhile' };
  }
  return { id, code: result.refused, why: result.why.slice(0, WHY_MAX) };
}
