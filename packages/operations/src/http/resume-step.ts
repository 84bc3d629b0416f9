import { transaction } from '@orderflow/messaging/postgres';
import { problem } from '@orderflow/service-runtime/problem';
import { defineRoute } from '@orderflow/service-runtime/route';
import { recordAction } from '../action-log.ts';
import { resumeContract } from '../contracts.ts';
import type { Operated } from '../operated.ts';

/** Lets a step go on that a flood of faults has paused; a step that is not paused goes on as it did. */
export const resumeStep = ({ kit }: Operated) =>
  defineRoute({
    ...resumeContract,
    async handle({ params: { step }, caller }) {
      await transaction(kit.pool, async (tx) => {
        const action = { subject: caller.userId, request: { step }, outcome: { resumed: true } };
        await recordAction(tx, { ...action, action: 'steps.resume' });
        if (!kit.resume(step)) throw problem('STEP_NOT_FOUND', { detail: `there is no step ${step}` });
      });
      return { status: 202, body: { step } };
    },
  });
