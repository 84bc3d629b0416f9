import { defineRoute } from '@orderflow/service-runtime/route';
import type { Operated } from '../operated.ts';
import { lagSchema } from '../shapes.ts';

/** How far this service's steps are behind, as the broker tells it. */
export const listLag = ({ service, kit }: Operated) =>
  defineRoute({
    method: 'GET',
    path: '/v1/ops/lag',
    caller: 'operator',
    operationId: 'listLag',
    summary: 'How far each step is behind each partition',
    answers: { 200: lagSchema },
    problems: [],
    async handle() {
      const data = (await kit.lag()).map((partition) => ({ service, ...partition }));
      return { status: 200, body: { data, nextCursor: null, unavailable: [] } };
    },
  });
