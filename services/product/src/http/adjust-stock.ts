import { z } from 'zod';
import { coalesce } from '@orderflow/messaging/coalesce';
import { commitWithOutbox, type WriteContext } from '@orderflow/messaging/outbox';
import type { Tx } from '@orderflow/messaging/postgres';
import type { Cache } from '@orderflow/service-runtime/cache';
import { pathId } from '@orderflow/service-runtime/fields';
import {
  claimKeys,
  claimOf,
  keyReused,
  releaseKeys,
  replayed,
  storeAnswers,
  type KeyClaim,
  type StoredAnswer,
} from '@orderflow/service-runtime/idempotency';
import { problem } from '@orderflow/service-runtime/problem';
import { defineRoute } from '@orderflow/service-runtime/route';
import {
  decideAdjustment,
  withAdjustment,
  type Adjustment,
  type AdjustmentOutcome,
  type AdjustmentState,
} from '../domain/adjustment.ts';
import { STOCK_MAX } from '../domain/product.ts';
import { insertAdjustments, lockQuantities } from '../store/stocks.ts';
import { productNotFound } from './product-shape.ts';

interface AdjustmentRequest extends Adjustment {
  readonly claim: KeyClaim;
}

type Refusal = Exclude<AdjustmentOutcome, { kind: 'adjusted' }>;

type AdjustmentAnswer =
  | { readonly kind: 'first' | 'replay'; readonly answer: StoredAnswer }
  | { readonly kind: 'reused' }
  | Refusal;

export const adjustStock = (
  write: WriteContext,
  options: {
    readonly cache: Cache;
    /** How requests join into commits. */
    readonly pace: { readonly intervalMs: number; readonly maxBatch: number; readonly maxWaiting: number };
  },
) => {
  const adjust = coalesce({
    ...options.pace,
    run: (requests: readonly AdjustmentRequest[]) => adjustStocks(write, options.cache, requests),
  });
  return defineRoute({
    method: 'POST',
    path: '/v1/products/{id}/stock-adjustments',
    caller: 'admin',
    operationId: 'adjustStock',
    summary: 'Puts pieces into stock, or takes them out',
    idempotent: true,
    params: z.strictObject({ id: pathId }),
    body: z.strictObject({
      delta: z
        .int()
        .min(-STOCK_MAX)
        .max(STOCK_MAX)
        .refine((delta) => delta !== 0, 'must not be 0')
        .meta({ not: { const: 0 }, examples: [5] }),
    }),
    answers: { 201: z.strictObject({ quantity: z.int().min(0) }).meta({ id: 'StockAdjustment' }) },
    problems: ['PRODUCT_NOT_FOUND', 'STOCK_NEGATIVE', 'STOCK_LIMIT_EXCEEDED'],
    async handle(request) {
      const { id: productId } = request.params;
      const outcome = await adjust({ productId, delta: request.body.delta, claim: claimOf(request, null) });
      switch (outcome.kind) {
        case 'first':
          return { status: outcome.answer.status, json: outcome.answer.json };
        case 'replay':
          return replayed(outcome.answer);
        case 'reused':
          throw keyReused();
        default:
          throw refusalOf(productId, outcome);
      }
    },
  });
};

function refusalOf(productId: number, refusal: Refusal): Error {
  switch (refusal.kind) {
    case 'product-not-found':
      return productNotFound(productId);
    case 'negative':
      return problem('STOCK_NEGATIVE', { detail: `the stock holds ${refusal.quantity}` });
    case 'limit-exceeded':
      return problem('STOCK_LIMIT_EXCEEDED', {
        detail: `the stock holds ${refusal.quantity} and may be filled up to ${STOCK_MAX}`,
      });
  }
}

/**
 * Adjusts stocks of a batch in one transaction, in the order of the requests: keys, effects and answers commit together.
 * A refused request gives its key back; one that repeats another of the batch ends as that one.
 */
async function adjustStocks(
  write: WriteContext,
  cache: Cache,
  requests: readonly AdjustmentRequest[],
): Promise<AdjustmentAnswer[]> {
  const answers = await commitWithOutbox(write, async (tx) => {
    const claims = await claimKeys(
      tx,
      requests.map(({ claim }) => claim),
    );
    const claimed = requests.filter((_, index) => claims[index]?.kind === 'claimed');
    const made = await makeAdjustments(tx, claimed);
    const result = claims.map((claim, index): AdjustmentAnswer => {
      if (claim.kind === 'replay' || claim.kind === 'reused') return claim;
      const request = requests[claim.kind === 'follows' ? claim.index : index];
      const answer = request && made.get(request);
      if (!answer) throw new Error(`no answer to request ${index}`);
      return claim.kind === 'follows' && answer.kind === 'first' ? { ...answer, kind: 'replay' } : answer;
    });
    return { result, messages: [] };
  });
  // A replay may be of a commit whose outcome was unknown: nobody has told the cache of that one.
  if (answers.some(({ kind }) => kind === 'first' || kind === 'replay')) await cache.invalidate();
  return answers;
}

/** Effects and stored answers of requests whose keys are claimed. */
async function makeAdjustments(
  tx: Tx,
  requests: readonly AdjustmentRequest[],
): Promise<Map<AdjustmentRequest, AdjustmentAnswer>> {
  const stocks = await lockQuantities(
    tx,
    requests.map(({ productId }) => productId),
  );
  let state: AdjustmentState = { stocks };
  const answers = new Map<AdjustmentRequest, AdjustmentAnswer>();
  const done: { readonly request: AdjustmentRequest; readonly answer: StoredAnswer }[] = [];
  for (const request of requests) {
    const outcome = decideAdjustment(state, request);
    state = withAdjustment(state, request, outcome);
    if (outcome.kind === 'adjusted') {
      const json = JSON.stringify({ quantity: outcome.quantity });
      done.push({ request, answer: { status: 201, json, headers: null } });
    } else answers.set(request, outcome);
  }
  await insertAdjustments(
    tx,
    done.map(({ request }) => request),
  );
  await releaseKeys(
    tx,
    [...answers.keys()].map(({ claim }) => claim),
  );
  await storeAnswers(
    tx,
    done.map(({ request: { claim }, answer }) => ({ ...claim, answer })),
  );
  for (const { request, answer } of done) answers.set(request, { kind: 'first', answer });
  return answers;
}
