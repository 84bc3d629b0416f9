import type { z } from 'zod';
import { lagContract, outboxContract } from '@orderflow/operations/contracts';
import type { lagSchema, outboxSchema } from '@orderflow/operations/shapes';
import { defineRoute, type UntypedRequest } from '@orderflow/service-runtime/route';
import { askAll, questionOf } from './ask-all.ts';
import type { AskService } from './ask-service.ts';

const TIMEOUT_MS = 3_000;

/** Every service's outbox. */
export const listOutboxes = (ask: AskService) =>
  defineRoute({
    ...outboxContract,
    handle: async (request) => ({
      status: 200,
      body: await merged<z.output<typeof outboxSchema>>(ask, request, '/v1/ops/outbox'),
    }),
  });

/** Every step's lag. */
export const listLag = (ask: AskService) =>
  defineRoute({
    ...lagContract,
    handle: async (request) => ({
      status: 200,
      body: await merged<z.output<typeof lagSchema>>(ask, request, '/v1/ops/lag'),
    }),
  });

async function merged<List extends { readonly data: readonly unknown[] }>(
  ask: AskService,
  request: Pick<UntypedRequest, 'requestId' | 'traceparent' | 'signal' | 'header'>,
  target: string,
) {
  const question = questionOf(request, { method: 'GET', target, timeoutMs: TIMEOUT_MS });
  const { parts, unavailable } = await askAll<List>(ask, () => question);
  const data = parts.flatMap(({ part }): List['data'][number][] => [...part.data]);
  return { data, nextCursor: null, unavailable: [...unavailable] };
}
