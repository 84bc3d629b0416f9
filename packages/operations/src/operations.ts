import type { Kit } from '@orderflow/messaging/kit';
import { createPool } from '@orderflow/messaging/postgres';
import type { Metrics } from '@orderflow/service-runtime/metrics';
import type { Route } from '@orderflow/service-runtime/route';
import type { Books } from './books.ts';
import { registerGauges } from './gauges.ts';
import { discardDeadLettersRoute } from './http/discard-dead-letters.ts';
import { listDeadLetters } from './http/list-dead-letters.ts';
import { listLag } from './http/list-lag.ts';
import { readBooksRoute } from './http/read-books.ts';
import { readDeadLetterRoute } from './http/read-dead-letter.ts';
import { readOutbox } from './http/read-outbox.ts';
import { replayDeadLettersRoute } from './http/replay-dead-letters.ts';
import { resumeStep } from './http/resume-step.ts';
import type { Operated } from './operated.ts';
import type { Service } from './shapes.ts';

/** A service's side of its operators. */
export interface Operations {
  readonly routes: readonly Route[];
  close(): Promise<void>;
}

/**
 * Puts together what a service serves for its operators, and its gauges; connects when first asked. Reports run one at
 * a time, on a connection of their own.
 */
export function composeOperations(options: {
  readonly service: Service;
  readonly kit: Kit;
  readonly config: { readonly DATABASE_URL: string };
  readonly books: Books;
  readonly metrics: Metrics;
}): Operations {
  const { service, kit, config, books, metrics } = options;
  const reports = createPool({ url: config.DATABASE_URL, name: `${service} reports`, max: 1, reports: true });
  const operated = { service, kit, reports, books };
  registerGauges(metrics, operated);
  return { routes: operatorRoutes(operated), close: () => reports.end() };
}

/** A service's own part of /v1/ops, at the paths that the gateway has too. */
export function operatorRoutes(operated: Operated): readonly Route[] {
  return [
    readOutbox(operated),
    listLag(operated),
    listDeadLetters(operated),
    readDeadLetterRoute(operated),
    replayDeadLettersRoute(operated),
    discardDeadLettersRoute(operated),
    resumeStep(operated),
    readBooksRoute(operated),
  ];
}
