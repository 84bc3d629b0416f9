import { isApiProblem } from '@orderflow/client/errors';

/** What clients ask for, and what they are answered; amounts in minor units. */
export interface Requests {
  readonly 'top-up': { request: { amount: bigint }; answer: { recordId: number; balance: bigint } };
  readonly 'read-balance': { request: null; answer: { amount: bigint } };
  readonly 'place-order': {
    request: { items: readonly OrderedItem[]; couponId: number | null };
    answer: { orderId: number };
  };
  readonly 'cancel-order': { request: { orderId: number }; answer: { status: string } };
  readonly 'read-order': { request: { orderId: number }; answer: { status: string } };
  readonly 'issue-coupon': { request: { sourceId: number }; answer: { couponId: number } };
}

export type RequestKind = keyof Requests;

export interface OrderedItem {
  readonly productId: number;
  readonly quantity: number;
}

/** One request of one user: when it was sent first, and when its answer was there. */
export interface Operation<Kind extends RequestKind = RequestKind> {
  readonly kind: Kind;
  readonly userId: number;
  readonly request: Requests[Kind]['request'];
  /** Milliseconds since 1970, with fractions, of one clock. */
  readonly invokedAt: number;
  readonly answeredAt: number;
  /** `unknown`: no answer came in all the time it was tried; it may have happened, and may happen later still. */
  readonly outcome:
    | { readonly is: 'answered'; readonly answer: Requests[Kind]['answer'] }
    | { readonly is: 'refused'; readonly code: string }
    | { readonly is: 'unknown'; readonly why: string };
}

/** All kinds, told apart by `kind`. */
export type AnyOperation = { [Kind in RequestKind]: Operation<Kind> }[RequestKind];

export interface History {
  readonly operations: readonly AnyOperation[];
  /**
   * Sends a request and writes down what became of it.
   * @returns the answer, null when there was none or it was a refusal
   */
  record<Kind extends RequestKind>(
    kind: Kind,
    userId: number,
    request: Requests[Kind]['request'],
    send: () => Promise<Requests[Kind]['answer']>,
  ): Promise<Requests[Kind]['answer'] | null>;
}

/** Milliseconds since 1970 that never go back. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** An empty history. */
export function openHistory(): History {
  const operations: AnyOperation[] = [];
  return {
    operations,
    async record(kind, userId, request, send) {
      const invokedAt = now();
      const end = (outcome: Operation<typeof kind>['outcome']) => {
        operations.push({ kind, userId, request, invokedAt, answeredAt: now(), outcome } as AnyOperation);
      };
      try {
        const answer = await send();
        end({ is: 'answered', answer });
        return answer;
      } catch (error) {
        // A 4xx says that nothing happened; anything else says nothing.
        if (isApiProblem(error) && error.status < 500) end({ is: 'refused', code: error.code });
        else end({ is: 'unknown', why: error instanceof Error ? error.message : String(error) });
        return null;
      }
    },
  };
}

/** The operations of one kind. */
export function operationsOf<Kind extends RequestKind>(
  operations: readonly AnyOperation[],
  kind: Kind,
): Operation<Kind>[] {
  return operations.filter((operation) => operation.kind === kind) as unknown as Operation<Kind>[];
}
