import { readDeadLetter } from '@orderflow/messaging/dead-letter-desk';
import { problem } from '@orderflow/service-runtime/problem';
import { defineRoute } from '@orderflow/service-runtime/route';
import { deadLetterContract } from '../contracts.ts';
import type { Operated } from '../operated.ts';
import { showBytes } from './bytes.ts';
import { showDeadLetter } from './dead-letter-shape.ts';

/** One parked message, whole. */
export const readDeadLetterRoute = ({ service, kit }: Operated) =>
  defineRoute({
    ...deadLetterContract,
    async handle({ params }) {
      const letter = params.service === service ? await readDeadLetter(kit.pool, params.id) : null;
      if (!letter) {
        throw problem('DEAD_LETTER_NOT_FOUND', {
          detail: `there is no dead letter ${params.id} in the ${params.service} service`,
        });
      }
      const { ce_id: eventId = null } = letter.headers;
      return {
        status: 200,
        body: {
          ...showDeadLetter(service, { ...letter, eventId }),
          headers: Object.entries(letter.headers).map(([name, base64]) => ({
            name,
            value: showBytes(Buffer.from(base64, 'base64')),
          })),
          value: letter.value && showBytes(letter.value),
        },
      };
    },
  });
