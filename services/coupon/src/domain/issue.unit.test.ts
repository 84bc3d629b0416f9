import { describe, expect, it } from '@jest/globals';
import { decideIssue, holding, withIssue, type IssueRequest, type IssueState } from './issue.ts';

const source = { name: 'Welcome', discountAmount: 300n };

/** Folds requests as one commit does; source 7 has `left`, user 9 has coupon 70 of it. */
function issue(left: number, ...requests: IssueRequest[]): string[] {
  let state: IssueState = {
    sources: new Map([[7, { ...source, left }]]),
    held: new Map([[holding({ sourceId: 7, userId: 9 }), 70]]),
  };
  return requests.map((request) => {
    const outcome = decideIssue(state, request);
    state = withIssue(state, request, outcome);
    return outcome.kind;
  });
}

const from = (userId: number, sourceId = 7): IssueRequest => ({ sourceId, userId });

describe('issuing coupons', () => {
  it('serves in the order of the requests, and exactly what is left', () =>
    expect(issue(2, from(1), from(2), from(3))).toEqual(['issued', 'issued', 'sold-out']));

  it('gives one to a user, however often they ask in a commit', () =>
    expect(issue(5, from(1), from(1), from(2))).toEqual(['issued', 'already-issued', 'issued']));

  it('says "already issued" rather than "sold out" to who has one', () =>
    expect(issue(1, from(9), from(1), from(1), from(9))).toEqual([
      'already-issued',
      'issued',
      'already-issued',
      'already-issued',
    ]));

  it('knows only the sources there are', () =>
    expect(issue(1, from(1, 8), from(1))).toEqual(['source-not-found', 'issued']));
});
