import { pageOfDeadLetters } from '@orderflow/messaging/dead-letter-desk';
import { jsonId, pageFrom } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import type { Operated } from '../operated.ts';
import { deadLettersQuery, deadLettersSchema } from '../shapes.ts';
import { showDeadLetter } from './dead-letter-shape.ts';

/** This service's parked messages, newest first; another service's name gives an empty list. */
export const listDeadLetters = ({ service, kit }: Operated) =>
  defineRoute({
    method: 'GET',
    path: '/v1/ops/dead-letters',
    caller: 'operator',
    operationId: 'listDeadLetters',
    summary: 'Messages that no step could take, newest first',
    query: deadLettersQuery(jsonId),
    answers: { 200: deadLettersSchema },
    problems: [],
    async handle({ query: { service: asked = service, cursor, limit, ...filter } }) {
      const lines =
        asked === service
          ? await pageOfDeadLetters(kit.pool, { ...filter, before: cursor, limit: limit + 1 })
          : [];
      const page = pageFrom(
        lines,
        limit,
        ({ id }) => id,
        (line) => showDeadLetter(service, line),
      );
      return { status: 200, body: { ...page, unavailable: [] } };
    },
  });
