import type { AmountMinor } from '@orderflow/shared-events/money';

export interface IssueRequest {
  readonly sourceId: number;
  readonly userId: number;
}

/** What a coupon takes over from its source. */
export interface Source {
  readonly name: string;
  readonly discountAmount: AmountMinor;
}

/** What a batch of requests works on. It belongs to the batch and changes in place. */
export interface IssueState {
  readonly sources: Map<number, Source & { readonly left: number }>;
  /** Ids of the coupons held, by `holding`; null: issued by this very batch. */
  readonly held: Map<string, number | null>;
}

export type IssueOutcome =
  | { readonly kind: 'issued'; readonly source: Source }
  /** One per user and source. It wins over sold out, so that a lost answer can be repaired. */
  | { readonly kind: 'already-issued' }
  | { readonly kind: 'sold-out' }
  | { readonly kind: 'source-not-found' };

/** Who holds a coupon of which source. */
export function holding({ sourceId, userId }: IssueRequest): string {
  return `${sourceId}/${userId}`;
}

/** First come, first served, in the order of the requests. */
export function decideIssue(state: IssueState, request: IssueRequest): IssueOutcome {
  const source = state.sources.get(request.sourceId);
  if (!source) return { kind: 'source-not-found' };
  if (state.held.has(holding(request))) return { kind: 'already-issued' };
  return source.left > 0 ? { kind: 'issued', source } : { kind: 'sold-out' };
}

export function withIssue(state: IssueState, request: IssueRequest, outcome: IssueOutcome): IssueState {
  const source = state.sources.get(request.sourceId);
  if (outcome.kind !== 'issued' || !source) return state;
  state.sources.set(request.sourceId, { ...source, left: source.left - 1 });
  state.held.set(holding(request), null);
  return state;
}
