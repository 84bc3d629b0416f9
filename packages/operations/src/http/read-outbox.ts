import { writeTime } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import { outboxContract } from '../contracts.ts';
import type { Operated } from '../operated.ts';
import { rounded } from '../rounded.ts';

/** What this service has committed and not published yet. */
export const readOutbox = ({ service, kit }: Operated) =>
  defineRoute({
    ...outboxContract,
    async handle() {
      const { failingSince, ...state } = await kit.outboxStatus();
      const line = {
        service,
        ...state,
        oldestAgeSeconds: rounded(state.oldestAgeSeconds),
        publishedPerSecond: rounded(state.publishedPerSecond),
        failingSince: failingSince && writeTime(failingSince),
      };
      return { status: 200, body: { data: [line], nextCursor: null, unavailable: [] } };
    },
  });
