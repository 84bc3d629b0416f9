import { defineRoute } from '@orderflow/service-runtime/route';
import { lagContract } from '../contracts.ts';
import type { Operated } from '../operated.ts';
import { rounded } from '../rounded.ts';

/** How far this service's steps are behind, as the broker tells it. */
export const listLag = ({ service, kit }: Operated) =>
  defineRoute({
    ...lagContract,
    async handle() {
      const data = (await kit.lag()).map((partition) => ({
        service,
        ...partition,
        ratePerSecond: rounded(partition.ratePerSecond),
        catchUpSeconds: rounded(partition.catchUpSeconds),
      }));
      return { status: 200, body: { data, nextCursor: null, unavailable: [] } };
    },
  });
