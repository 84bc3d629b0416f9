import { pageOfDeadLetters } from '@orderflow/messaging/dead-letter-desk';
import { jsonId, pageFrom } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import { deadLettersContract } from '../contracts.ts';
import type { Operated } from '../operated.ts';
import { deadLettersQuery } from '../shapes.ts';
import { showDeadLetter } from './dead-letter-shape.ts';

/** This service's parked messages, newest first; another service's name gives an empty list. */
export const listDeadLetters = ({ service, kit }: Operated) =>
  defineRoute({
    ...deadLettersContract,
    query: deadLettersQuery(jsonId),
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
