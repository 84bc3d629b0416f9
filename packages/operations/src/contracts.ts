import { z } from 'zod';
import { pathId } from '@orderflow/service-runtime/fields';
import {
  deadLetterSchema,
  deadLettersSchema,
  discardAnswer,
  discardRequest,
  lagSchema,
  outboxSchema,
  reconciliationSchema,
  replayAnswer,
  replayRequest,
  resumeAnswer,
  serviceSchema,
  stepName,
} from './shapes.ts';

/** The routes of operators: a service serves its own part, the gateway asks them all and puts the parts together. */

export const outboxContract = {
  method: 'GET',
  path: '/v1/ops/outbox',
  caller: 'operator',
  operationId: 'listOutboxes',
  summary: 'What is still to be published, by service',
  answers: { 200: outboxSchema },
  problems: [],
} as const;

export const lagContract = {
  method: 'GET',
  path: '/v1/ops/lag',
  caller: 'operator',
  operationId: 'listLag',
  summary: 'How far each step is behind each partition',
  answers: { 200: lagSchema },
  problems: [],
} as const;

export const deadLettersContract = {
  method: 'GET',
  path: '/v1/ops/dead-letters',
  caller: 'operator',
  operationId: 'listDeadLetters',
  summary: 'Messages that no step could take, newest first',
  description: 'Open ones, unless `includeClosed`.',
  answers: { 200: deadLettersSchema },
  problems: [],
} as const;

export const deadLetterContract = {
  method: 'GET',
  path: '/v1/ops/dead-letters/{service}/{id}',
  caller: 'operator',
  operationId: 'getDeadLetter',
  summary: 'A parked message with its headers and its value',
  params: z.object({ service: serviceSchema, id: pathId }),
  answers: { 200: deadLetterSchema },
  problems: ['DEAD_LETTER_NOT_FOUND'],
} as const;

export const replayContract = {
  method: 'POST',
  path: '/v1/ops/dead-letters/replay',
  caller: 'operator',
  operationId: 'replayDeadLetters',
  summary: 'Runs parked messages once more',
  description:
    'At most 1,000 a request and ten seconds: go on with `nextAfter` while something remains. What fails once more stays ' +
    'open and is listed in `refused`. A dead letter older than 21 days can only be discarded.',
  body: replayRequest,
  answers: { 200: replayAnswer },
  problems: ['DEAD_LETTER_NOT_FOUND', 'TOO_OLD'],
} as const;

export const discardContract = {
  method: 'POST',
  path: '/v1/ops/dead-letters/discard',
  caller: 'operator',
  operationId: 'discardDeadLetters',
  summary: 'Closes dead letters without running them',
  description: 'At most 1,000 a request: go on with `nextAfter` while something remains.',
  body: discardRequest,
  answers: { 200: discardAnswer },
  problems: ['DEAD_LETTER_NOT_FOUND'],
} as const;

export const resumeContract = {
  method: 'POST',
  path: '/v1/ops/steps/{step}/resume',
  caller: 'operator',
  operationId: 'resumeStep',
  summary: 'Lets a paused step go on',
  description:
    'A step pauses when too many messages end as faults: most likely a bad release. It goes on in the instance that ' +
    'answers; a restart resumes it as well.',
  params: z.object({ step: stepName }),
  answers: { 202: resumeAnswer },
  problems: ['STEP_NOT_FOUND'],
} as const;

export const reconciliationContract = {
  method: 'GET',
  path: '/v1/ops/reconciliation',
  caller: 'operator',
  operationId: 'getReconciliation',
  summary: 'Whether the books are exact',
  description:
    "Each service's own invariants, and totals across services. Reads whole tables. The command `reconcile` does the " +
    'rest, order by order.',
  answers: { 200: reconciliationSchema },
  problems: [],
} as const;
