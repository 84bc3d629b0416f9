import { z } from 'zod';
import { coalesce } from '@orderflow/messaging/coalesce';
import { commitWithOutbox, type WriteContext } from '@orderflow/messaging/outbox';
import { pathId } from '@orderflow/service-runtime/fields';
import { problem } from '@orderflow/service-runtime/problem';
import { defineRoute } from '@orderflow/service-runtime/route';
import { decideIssue, holding, withIssue, type IssueRequest } from '../domain/issue.ts';
import { insertCoupons, lockSources, type OwnCoupon } from '../store/coupons.ts';
import { couponShape, showCoupon } from './coupon-shape.ts';

export const issueCoupon = (write: WriteContext, pace: IssuePace) => {
  const issue = coalesce({
    ...pace,
    run: (requests: readonly IssueRequest[]) => issueCoupons(write, requests),
  });
  return defineRoute({
    method: 'POST',
    path: '/v1/coupon-sources/{id}/coupons',
    caller: 'user',
    summary: 'Takes a coupon, first come, first served',
    params: z.strictObject({ id: pathId }),
    answers: { 201: couponShape },
    problems: ['COUPON_SOURCE_NOT_FOUND', 'SOLD_OUT', 'ALREADY_ISSUED'],
    async handle({ caller, params }) {
      const answer = await issue({ sourceId: params.id, userId: caller.userId });
      if ('coupon' in answer) return { status: 201, body: showCoupon(answer.coupon) };
      throw refusal(answer, params.id);
    },
  });
};

/** How requests join into commits. */
interface IssuePace {
  readonly intervalMs: number;
  readonly maxBatch: number;
  readonly maxWaiting: number;
}

type IssueAnswer =
  | { readonly coupon: OwnCoupon }
  | { readonly kind: 'already-issued'; readonly couponId: number }
  | { readonly kind: 'sold-out' | 'source-not-found' };

/** Issues a batch in one transaction, in the order of the requests: exact, however many ask at once. */
function issueCoupons(write: WriteContext, requests: readonly IssueRequest[]): Promise<IssueAnswer[]> {
  return commitWithOutbox(write, async (tx) => {
    let state = await lockSources(tx, requests);
    const outcomes = requests.map((request) => {
      const outcome = decideIssue(state, request);
      state = withIssue(state, request, outcome);
      return { ...request, ...outcome };
    });
    const coupons = await insertCoupons(
      tx,
      outcomes.filter((outcome) => outcome.kind === 'issued'),
    );
    const answers = outcomes.map((outcome): IssueAnswer => {
      const coupon = coupons.get(holding(outcome));
      if (outcome.kind === 'issued' && coupon) return { coupon };
      if (outcome.kind === 'sold-out' || outcome.kind === 'source-not-found') return { kind: outcome.kind };
      const couponId = state.held.get(holding(outcome)) ?? coupon?.id;
      if (couponId === undefined) throw new Error(`the coupon of ${holding(outcome)} was not inserted`);
      return { kind: 'already-issued', couponId };
    });
    return { result: answers, messages: [] };
  });
}

function refusal(answer: Exclude<IssueAnswer, { coupon: OwnCoupon }>, sourceId: number) {
  switch (answer.kind) {
    case 'already-issued':
      return problem('ALREADY_ISSUED', {
        detail: `you already have coupon ${answer.couponId} of coupon source ${sourceId}`,
        extensions: { couponId: answer.couponId },
      });
    case 'sold-out':
      return problem('SOLD_OUT', { detail: `nothing is left of coupon source ${sourceId}` });
    case 'source-not-found':
      return problem('COUPON_SOURCE_NOT_FOUND', { detail: `there is no coupon source ${sourceId}` });
  }
}
