import type { z } from 'zod';
import { discardContract, replayContract, resumeContract } from '@orderflow/operations/contracts';
import type { discardAnswer, replayAnswer, resumeAnswer } from '@orderflow/operations/shapes';
import { problem } from '@orderflow/service-runtime/problem';
import { defineRoute } from '@orderflow/service-runtime/route';
import { questionOf } from './ask-all.ts';
import { serviceOfStep, type AskService } from './ask-service.ts';

/** A replay runs for ten seconds at most, and then has its last message to finish. */
const REPLAY_TIMEOUT_MS = 18_000;
const TIMEOUT_MS = 5_000;

export const replayDeadLetters = (ask: AskService) =>
  defineRoute({
    ...replayContract,
    async handle(request) {
      const { body } = request;
      const target = '/v1/ops/dead-letters/replay';
      const question = questionOf(request, { method: 'POST', target, body, timeoutMs: REPLAY_TIMEOUT_MS });
      const answer = await ask(body.service, question);
      return { status: 200, body: answer as z.output<typeof replayAnswer> };
    },
  });

export const discardDeadLetters = (ask: AskService) =>
  defineRoute({
    ...discardContract,
    async handle(request) {
      const { body } = request;
      const target = '/v1/ops/dead-letters/discard';
      const question = questionOf(request, { method: 'POST', target, body, timeoutMs: TIMEOUT_MS });
      const answer = await ask(body.service, question);
      return { status: 200, body: answer as z.output<typeof discardAnswer> };
    },
  });

export const resumeStep = (ask: AskService) =>
  defineRoute({
    ...resumeContract,
    async handle(request) {
      const { step } = request.params;
      const service = serviceOfStep(step);
      if (!service) throw problem('STEP_NOT_FOUND', { detail: `there is no step ${step}` });
      const target = `/v1/ops/steps/${step}/resume`;
      const answer = await ask(
        service,
        questionOf(request, { method: 'POST', target, timeoutMs: TIMEOUT_MS }),
      );
      return { status: 202, body: answer as z.output<typeof resumeAnswer> };
    },
  });
