import { z } from 'zod';
import { coalesce } from '@orderflow/messaging/coalesce';
import { commitWithOutbox, type WriteContext } from '@orderflow/messaging/outbox';
import type { Tx } from '@orderflow/messaging/postgres';
import { amountIn, amountOut, jsonId } from '@orderflow/service-runtime/fields';
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
import { formatAmount, type AmountMinor } from '@orderflow/shared-events/money';
import { decideTopUp, withTopUp, type TopUp, type TopUpOutcome, type TopUpState } from '../domain/top-up.ts';
import { insertTopUps, lockBalances } from '../store/balances.ts';
import { userNotFound } from './user-shape.ts';

interface TopUpRequest extends TopUp {
  readonly claim: KeyClaim;
}

type TopUpAnswer =
  | { readonly kind: 'first' | 'replay'; readonly answer: StoredAnswer }
  | { readonly kind: 'reused' }
  | Exclude<TopUpOutcome, { kind: 'topped-up' }>;

const topUpShape = z.strictObject({ recordId: jsonId, amount: amountOut, balance: amountOut }).meta({
  id: 'TopUp',
  examples: [{ recordId: 1, amount: '100.00', balance: '100.00' }],
});

export const topUpBalance = (
  write: WriteContext,
  options: {
    /** What a top-up may fill a balance up to, inclusive. */
    readonly limit: AmountMinor;
    /** How requests join into commits. */
    readonly pace: { readonly intervalMs: number; readonly maxBatch: number; readonly maxWaiting: number };
  },
) => {
  const topUp = coalesce({
    ...options.pace,
    run: (requests: readonly TopUpRequest[]) => topUpBalances(write, options.limit, requests),
  });
  return defineRoute({
    method: 'POST',
    path: '/v1/balance/top-ups',
    caller: 'user',
    operationId: 'topUpBalance',
    summary: "Adds to the caller's balance",
    idempotent: true,
    body: z.strictObject({ amount: amountIn() }).meta({ sentExample: { amount: '100.00' } }),
    answers: { 201: topUpShape },
    problems: ['USER_NOT_FOUND', 'BALANCE_LIMIT_EXCEEDED'],
    async handle(request) {
      const { userId } = request.caller;
      const outcome = await topUp({ userId, amount: request.body.amount, claim: claimOf(request, null) });
      switch (outcome.kind) {
        case 'first':
          return { status: outcome.answer.status, json: outcome.answer.json };
        case 'replay':
          return replayed(outcome.answer);
        case 'reused':
          throw keyReused();
        case 'user-not-found':
          throw userNotFound(userId);
        case 'limit-exceeded':
          throw problem('BALANCE_LIMIT_EXCEEDED', {
            detail: `a balance may be topped up to ${formatAmount(outcome.limit)}`,
          });
      }
    },
  });
};

/**
 * Tops up a batch in one transaction, in the order of the requests: keys, effects and answers commit together.
 * A refused request gives its key back; one that repeats another of the batch ends as that one.
 */
function topUpBalances(
  write: WriteContext,
  limit: AmountMinor,
  requests: readonly TopUpRequest[],
): Promise<TopUpAnswer[]> {
  return commitWithOutbox(write, async (tx) => {
    const claims = await claimKeys(
      tx,
      requests.map(({ claim }) => claim),
    );
    const claimed = requests.filter((_, index) => claims[index]?.kind === 'claimed');
    const answers = await makeTopUps(tx, limit, claimed);
    const result = claims.map((claim, index): TopUpAnswer => {
      if (claim.kind === 'replay' || claim.kind === 'reused') return claim;
      const request = requests[claim.kind === 'follows' ? claim.index : index];
      const answer = request && answers.get(request);
      if (!answer) throw new Error(`no answer to request ${index}`);
      return claim.kind === 'follows' && answer.kind === 'first' ? { ...answer, kind: 'replay' } : answer;
    });
    return { result, messages: [] };
  });
}

/** Effects and stored answers of requests whose keys are claimed. */
async function makeTopUps(
  tx: Tx,
  limit: AmountMinor,
  requests: readonly TopUpRequest[],
): Promise<Map<TopUpRequest, TopUpAnswer>> {
  const balances = await lockBalances(
    tx,
    requests.map(({ userId }) => userId),
  );
  let state: TopUpState = { balances, limit };
  const answers = new Map<TopUpRequest, TopUpAnswer>();
  const done: { readonly request: TopUpRequest; readonly balance: AmountMinor }[] = [];
  for (const request of requests) {
    const outcome = decideTopUp(state, request);
    state = withTopUp(state, request, outcome);
    if (outcome.kind === 'topped-up') done.push({ request, balance: outcome.balance });
    else answers.set(request, outcome);
  }
  const recordIds = await insertTopUps(
    tx,
    done.map(({ request: { userId, amount } }) => ({ userId, amount, orderId: null })),
  );
  const kept = done.map(({ request, balance }, index) => {
    const { amount } = request;
    const body = { recordId: recordIds[index], amount: formatAmount(amount), balance: formatAmount(balance) };
    return { request, answer: { status: 201, json: JSON.stringify(body), headers: null } };
  });
  await releaseKeys(
    tx,
    [...answers.keys()].map(({ claim }) => claim),
  );
  await storeAnswers(
    tx,
    kept.map(({ request: { claim }, answer }) => ({ ...claim, answer })),
  );
  for (const { request, answer } of kept) answers.set(request, { kind: 'first', answer });
  return answers;
}
