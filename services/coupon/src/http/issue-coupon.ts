import { z } from 'zod';
import { coalesce } from '@orderflow/messaging/coalesce';
import { commitWithOutbox, type WriteContext } from '@orderflow/messaging/outbox';
import type { Tx } from '@orderflow/messaging/postgres';
import { pathId } from '@orderflow/service-runtime/fields';
import { problem } from '@orderflow/service-runtime/problem';
import { defineRoute } from '@orderflow/service-runtime/route';
import {
  decideIssue,
  holding,
  withIssue,
  type IssueOutcome,
  type IssueRequest,
  type IssueState,
} from '../domain/issue.ts';
import { insertCoupons, lockSources, readSources, type OwnCoupon } from '../store/coupons.ts';
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
    operationId: 'issueCoupon',
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

/**
 * Issues a batch in one transaction, in the order of the requests: exact, however many ask at once. Who can be refused
 * by what is committed is refused without a lock or a write: a source never fills up again, and a coupon is never taken
 * back. So 4,900 of 5,000 requests for 100 coupons only read.
 */
function issueCoupons(write: WriteContext, requests: readonly IssueRequest[]): Promise<IssueAnswer[]> {
  return commitWithOutbox(write, async (tx) => {
    const seen = await readSources(tx, requests);
    const hopeful = requests.filter((request) => decideIssue(seen, request).kind === 'issued');
    const issued = hopeful.length === 0 ? [] : await issueLocked(tx, hopeful);
    const answers = new Map(hopeful.map((request, place) => [request, issued[place]]));
    return {
      result: requests.map(
        (request) => answers.get(request) ?? refused(seen, request, decideIssue(seen, request)),
      ),
      messages: [],
    };
  });
}

async function issueLocked(tx: Tx, requests: readonly IssueRequest[]): Promise<IssueAnswer[]> {
  let state = await lockSources(tx, requests);
  const outcomes = requests.map((request) => {
    const outcome = decideIssue(state, request);
    state = withIssue(state, request, outcome);
    return { ...request, ...outcome };
  });
  const issued = outcomes.filter((outcome) => outcome.kind === 'issued');
  const coupons = issued.length === 0 ? new Map<string, OwnCoupon>() : await insertCoupons(tx, issued);
  for (const [holder, { id }] of coupons) state.held.set(holder, id);
  return outcomes.map((outcome) => {
    const coupon = coupons.get(holding(outcome));
    return outcome.kind === 'issued' && coupon ? { coupon } : refused(state, outcome, outcome);
  });
}

function refused(state: IssueState, request: IssueRequest, { kind }: IssueOutcome): IssueAnswer {
  if (kind === 'sold-out' || kind === 'source-not-found') return { kind };
  const couponId = state.held.get(holding(request));
  if (typeof couponId !== 'number') throw new Error(`the coupon of ${holding(request)} was not inserted`);
  return { kind: 'already-issued', couponId };
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
