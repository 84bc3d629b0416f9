import { z } from 'zod';
import { transaction } from '@orderflow/messaging/postgres';
import { problem } from '@orderflow/service-runtime/problem';
import { defineRoute } from '@orderflow/service-runtime/route';
import { recordAction } from '../action-log.ts';
import type { Operated } from '../operated.ts';
import { resumeAnswer } from '../shapes.ts';

/** Lets a step go on that a flood of faults has paused; a step that is not paused goes on as it did. */
export const resumeStep = ({ kit }: Operated) =>
  defineRoute({
    method: 'POST',
    path: '/v1/ops/steps/{step}/resume',
    caller: 'operator',
    operationId: 'resumeStep',
    summary: 'Lets a paused step go on',
    description:
      'A step pauses when too many messages end as faults: most likely a bad release. It goes on in the instance that ' +
      'answers; a restart resumes it as well.',
    params: z.object({
      step: z
        .string()
        .regex(/^[a-z-]+\.[a-z-]+$/)
        .max(60),
    }),
    answers: { 202: resumeAnswer },
    problems: ['STEP_NOT_FOUND'],
    async handle({ params: { step }, caller }) {
      await transaction(kit.pool, async (tx) => {
        const action = { subject: caller.userId, request: { step }, outcome: { resumed: true } };
        await recordAction(tx, { ...action, action: 'steps.resume' });
        if (!kit.resume(step)) throw problem('STEP_NOT_FOUND', { detail: `there is no step ${step}` });
      });
      return { status: 202, body: { step } };
    },
  });
