import type { Route } from '@orderflow/service-runtime/route';
import type { AskService } from './ask-service.ts';
import { listDeadLetters, readDeadLetter } from './dead-letters.ts';
import { listLag, listOutboxes } from './merged-lists.ts';
import { discardDeadLetters, replayDeadLetters, resumeStep } from './operator-actions.ts';
import { readReconciliation } from './reconciliation.ts';

/** What operators ask of all services at once, or of one that the request names. The saga is the order service's. */
export function operatorRoutes(ask: AskService): readonly Route[] {
  return [
    listOutboxes(ask),
    listLag(ask),
    listDeadLetters(ask),
    readDeadLetter(ask),
    replayDeadLetters(ask),
    discardDeadLetters(ask),
    resumeStep(ask),
    readReconciliation(ask),
  ];
}
