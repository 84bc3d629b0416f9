import { writeTime } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import type { Operated } from '../operated.ts';
import { outboxSchema } from '../shapes.ts';

/** What this service has committed and not published yet. */
export const readOutbox = ({ service, kit }: Operated) =>
  defineRoute({
    method: 'GET',
    path: '/v1/ops/outbox',
    caller: 'operator',
    operationId: 'listOutboxes',
    summary: 'What is still to be published, by service',
    answers: { 200: outboxSchema },
    problems: [],
    async handle() {
      const { failingSince, ...state } = await kit.outboxStatus();
      const line = { service, ...state, failingSince: failingSince && writeTime(failingSince) };
      return { status: 200, body: { data: [line], nextCursor: null, unavailable: [] } };
    },
  });
