import { discardDeadLetters } from '@orderflow/messaging/dead-letter-desk';
import { transaction } from '@orderflow/messaging/postgres';
import { defineRoute } from '@orderflow/service-runtime/route';
import { recordAction } from '../action-log.ts';
import { discardContract } from '../contracts.ts';
import type { Operated } from '../operated.ts';
import { chooseDeadLetters, progressOf } from './chosen-dead-letters.ts';

/** Closes dead letters that nobody will run, and writes down who did it and why, in one transaction. */
export const discardDeadLettersRoute = (operated: Operated) =>
  defineRoute({
    ...discardContract,
    async handle({ body, caller }) {
      const { service, dryRun, reason } = body;
      const chosen = await chooseDeadLetters(operated, body);
      const ids = chosen.letters.map(({ id }) => id);
      const discarded = dryRun
        ? ids.length
        : await transaction(operated.kit.pool, async (tx) => {
            const closed = await discardDeadLetters(tx, ids, {
              closedBy: String(caller.userId),
              note: reason,
            });
            const outcome = { ids: closed };
            const action = { subject: caller.userId, request: body, outcome };
            if (closed.length > 0) await recordAction(tx, { ...action, action: 'dead-letters.discard' });
            return closed.length;
          });
      const progress = progressOf(chosen, ids.length);
      return {
        status: 200,
        body: { service, dryRun, ...progress, discarded, refused: [...chosen.missing] },
      };
    },
  });
