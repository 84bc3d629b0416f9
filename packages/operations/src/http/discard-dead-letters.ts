import { discardDeadLetters } from '@orderflow/messaging/dead-letter-desk';
import { transaction } from '@orderflow/messaging/postgres';
import { defineRoute } from '@orderflow/service-runtime/route';
import { recordAction } from '../action-log.ts';
import type { Operated } from '../operated.ts';
import { discardAnswer, discardRequest } from '../shapes.ts';
import { chooseDeadLetters, progressOf } from './chosen-dead-letters.ts';

/** Closes dead letters that nobody will run, and writes down who did it and why, in one transaction. */
export const discardDeadLettersRoute = (operated: Operated) =>
  defineRoute({
    method: 'POST',
    path: '/v1/ops/dead-letters/discard',
    caller: 'operator',
    operationId: 'discardDeadLetters',
    summary: 'Closes dead letters without running them',
    description: 'At most 1,000 a request: go on with `nextAfter` while something remains.',
    body: discardRequest,
    answers: { 200: discardAnswer },
    problems: ['DEAD_LETTER_NOT_FOUND'],
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
