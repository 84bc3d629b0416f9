import { z } from 'zod';
import { coalesce } from '@orderflow/messaging/coalesce';
import { commitLoadedWithOutbox, type WriteContext } from '@orderflow/messaging/outbox';
import type { Tx } from '@orderflow/messaging/postgres';
import { amountIn, jsonId } from '@orderflow/service-runtime/fields';
import {
  claimKeys,
  claimOf,
  keyReused,
  releaseKeys,
  replayed,
  type ClaimOutcome,
  type KeyClaim,
  type StoredAnswer,
} from '@orderflow/service-runtime/idempotency';
import { problem } from '@orderflow/service-runtime/problem';
import { defineRoute, type RawAnswer } from '@orderflow/service-runtime/route';
import { encodeMessage, type Message } from '@orderflow/shared-events/envelope';
import { OrderCreated } from '@orderflow/shared-events/order';
import { acceptedOrder, duplicateProduct, type OpenOrderCount, type OrderRequest } from '../domain/intake.ts';
import { insertOrders, takeOrderIds } from '../store/orders.ts';
import type { AwaitOrder } from './await-order.ts';
import { orderSchema, showAccepted } from './order-shape.ts';

const bodySchema = z
  .strictObject({
    items: z
      .array(
        z.strictObject({
          productId: jsonId,
          quantity: z.int().min(1).max(1000),
          unitPrice: amountIn().optional(),
        }),
      )
      .min(1)
      .max(50),
    couponId: jsonId.optional(),
  })
  .meta({ sentExample: { items: [{ productId: 1, quantity: 2 }] } });

const acceptedSchema = orderSchema.meta({
  description: 'Accepted: it goes on.',
  examples: [
    {
      id: 1,
      userId: 1,
      status: 'CREATED',
      couponId: null,
      originalAmount: null,
      discountAmount: null,
      totalAmount: null,
      failureReason: null,
      items: [{ productId: 1, quantity: 2, unitPrice: null, totalPrice: null }],
      createdAt: '2026-11-22T10:00:00.250Z',
      updatedAt: '2026-11-22T10:00:00.250Z',
      paidAt: null,
    },
  ],
});

interface IntakeRequest {
  readonly order: OrderRequest;
  readonly claim: KeyClaim;
  readonly traceparent: string;
  readonly requestId: string;
}

export interface IntakeSettings {
  /** The intake commits at most this often under load: pacing at the source (measured at 750/s: CPU −33 %). */
  readonly intervalMs: number;
  readonly maxOpen: number;
}

const MAX_BATCH = 500;
const MAX_WAITING = 10_000;

/**
 * Accepts an order. Concurrent requests share one commit: keys, orders, lines, first events and their outbox row. What
 * is stored for the key is this 202, whether or not the caller then waits.
 */
export function createOrder(
  write: WriteContext,
  settings: IntakeSettings,
  count: OpenOrderCount,
  awaitOrder: AwaitOrder,
) {
  const accept = coalesce<IntakeRequest, RawAnswer | Error>({
    intervalMs: settings.intervalMs,
    maxBatch: MAX_BATCH,
    maxWaiting: MAX_WAITING,
    run: (requests) => {
      const full = count.open > settings.maxOpen;
      return commitLoadedWithOutbox(
        write,
        (tx) => takeOrderIds(tx, requests.length),
        (tx, now, ids) => acceptOrders(tx, now, ids, requests, full),
      );
    },
  });
  return defineRoute({
    method: 'POST',
    path: '/v1/orders',
    caller: 'user',
    operationId: 'placeOrder',
    summary: 'Places an order',
    idempotent: true,
    body: bodySchema,
    answers: {
      201: orderSchema.describe('Over: PAID or CANCELLED, since the request said `Prefer: wait`.'),
      202: acceptedSchema,
    },
    answerHeaders: ['Location', 'Preference-Applied'],
    problems: ['DUPLICATE_PRODUCT', 'SATURATED'],
    async handle(request) {
      const startedAt = performance.now();
      const { body, caller, route, idempotencyKey } = request;
      const items = body.items.map((item) => ({ ...item, unitPrice: item.unitPrice ?? null }));
      const twice = duplicateProduct(items);
      if (twice !== null) {
        throw problem('DUPLICATE_PRODUCT', { detail: `product ${twice} stands in more than one line` });
      }
      const answer = await accept({
        order: { userId: caller.userId, couponId: body.couponId ?? null, items },
        claim: claimOf({ caller, route, idempotencyKey, params: null, body }, null),
        traceparent: request.traceparent,
        requestId: request.requestId,
      }).catch((error: unknown) => {
        throw isOverload(error) ? saturated('too many requests are waiting') : error;
      });
      if (answer instanceof Error) throw answer;
      return awaitOrder(answer, request, startedAt);
    },
  });
}

function saturated(detail: string): Error {
  return problem('SATURATED', { detail, headers: { 'Retry-After': '1' } });
}

function isOverload(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'OVERLOADED';
}

async function acceptOrders(
  tx: Tx,
  now: Date,
  ids: readonly number[],
  requests: readonly IntakeRequest[],
  full: boolean,
): Promise<{ result: (RawAnswer | Error)[]; messages: Message[] }> {
  const drafts = requests.map(({ order, claim, traceparent, requestId }, index) => {
    const draft = acceptedOrder(ids[index] as number, order);
    const answer: StoredAnswer = {
      status: 202,
      json: JSON.stringify(showAccepted(draft, now)),
      headers: { Location: `/v1/orders/${draft.orderId}` },
    };
    return { order: draft, answer, traceparent, requestId, claim: { ...claim, answer } };
  });
  const outcomes = await claimKeys(
    tx,
    drafts.map(({ claim }) => claim),
  );
  const claimed = drafts.filter((_, index) => outcomes[index]?.kind === 'claimed');
  // Only new orders are refused: who was accepted before gets that answer again, however many are open.
  if (full)
    await releaseKeys(
      tx,
      claimed.map(({ claim }) => claim),
    );
  const accepted = full ? [] : claimed;
  if (accepted.length > 0) insertOrders(tx, accepted);
  return {
    result: outcomes.map((outcome, index) => answerTo(outcome, drafts, index, full)),
    messages: accepted.map(({ order, traceparent, requestId }) =>
      encodeMessage(OrderCreated, order, { time: now, causationId: requestId, traceparent }),
    ),
  };
}

function answerTo(
  outcome: ClaimOutcome,
  drafts: readonly { readonly answer: StoredAnswer }[],
  index: number,
  full: boolean,
): RawAnswer | Error {
  const own = (at: number) => (drafts[at] as { readonly answer: StoredAnswer }).answer;
  switch (outcome.kind) {
    case 'claimed':
      if (full) return saturated('too many orders are open');
      return { status: 202, json: own(index).json, headers: own(index).headers ?? {} };
    case 'replay':
      return replayed(outcome.answer);
    case 'follows':
      if (full) return saturated('too many orders are open');
      return replayed(own(outcome.index));
    case 'reused':
      return keyReused();
  }
}
