import { z } from 'zod';
import { coalesce } from '@orderflow/messaging/coalesce';
import { commitWithOutbox, type WriteContext } from '@orderflow/messaging/outbox';
import type { Tx } from '@orderflow/messaging/postgres';
import { amountIn, jsonId } from '@orderflow/service-runtime/fields';
import {
  claimKeys,
  claimOf,
  keyReused,
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
import { orderSchema, showAccepted } from './order-shape.ts';

const bodySchema = z.strictObject({
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
});

interface IntakeRequest {
  readonly order: OrderRequest;
  readonly claim: KeyClaim;
  readonly traceparent: string;
}

export interface IntakeSettings {
  /** The intake commits at most this often under load: pacing at the source (measured at 750/s: CPU −33 %). */
  readonly intervalMs: number;
  readonly maxOpen: number;
}

const MAX_BATCH = 500;
const MAX_WAITING = 10_000;

/** Accepts an order. Concurrent requests share one commit: keys, orders, lines, first events and their outbox row. */
export function createOrder(write: WriteContext, settings: IntakeSettings, count: OpenOrderCount) {
  const accept = coalesce<IntakeRequest, RawAnswer | Error>({
    intervalMs: settings.intervalMs,
    maxBatch: MAX_BATCH,
    maxWaiting: MAX_WAITING,
    run: (requests) => commitWithOutbox(write, (tx, now) => acceptOrders(tx, now, requests)),
  });
  return defineRoute({
    method: 'POST',
    path: '/v1/orders',
    caller: 'user',
    summary: 'Places an order',
    idempotent: true,
    body: bodySchema,
    answers: { 202: orderSchema },
    problems: ['DUPLICATE_PRODUCT', 'SATURATED'],
    async handle(request) {
      const { body, caller } = request;
      const items = body.items.map((item) => ({ ...item, unitPrice: item.unitPrice ?? null }));
      const twice = duplicateProduct(items);
      if (twice !== null) {
        throw problem('DUPLICATE_PRODUCT', { detail: `product ${twice} stands in more than one line` });
      }
      if (count.open > settings.maxOpen) throw saturated(`${count.open} orders are open`);
      const answer = await accept({
        order: { userId: caller.userId, couponId: body.couponId ?? null, items },
        claim: claimOf({ ...request, params: null }, null),
        traceparent: request.traceparent,
      }).catch((error: unknown) => {
        throw isOverload(error) ? saturated('too many requests are waiting') : error;
      });
      if (answer instanceof Error) throw answer;
      return answer;
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
  requests: readonly IntakeRequest[],
): Promise<{ result: (RawAnswer | Error)[]; messages: Message[] }> {
  const ids = await takeOrderIds(tx, requests.length);
  const drafts = requests.map(({ order, claim, traceparent }, index) => {
    const draft = acceptedOrder(ids[index] as number, order);
    const answer: StoredAnswer = {
      status: 202,
      json: JSON.stringify(showAccepted(draft, now)),
      headers: { Location: `/v1/orders/${draft.orderId}` },
    };
    return { order: draft, answer, traceparent, claim: { ...claim, answer } };
  });
  const outcomes = await claimKeys(
    tx,
    drafts.map(({ claim }) => claim),
  );
  const accepted = drafts.filter((_, index) => outcomes[index]?.kind === 'claimed');
  if (accepted.length > 0) await insertOrders(tx, accepted);
  return {
    result: outcomes.map((outcome, index) => answerTo(outcome, drafts, index)),
    messages: accepted.map(({ order, traceparent }) =>
      encodeMessage(OrderCreated, order, { time: now, causationId: null, traceparent }),
    ),
  };
}

function answerTo(
  outcome: ClaimOutcome,
  drafts: readonly { readonly answer: StoredAnswer }[],
  index: number,
): RawAnswer | Error {
  const own = (at: number) => (drafts[at] as { readonly answer: StoredAnswer }).answer;
  switch (outcome.kind) {
    case 'claimed':
      return { status: 202, json: own(index).json, headers: own(index).headers ?? {} };
    case 'replay':
      return replayed(outcome.answer);
    case 'follows':
      return replayed(own(outcome.index));
    case 'reused':
      return keyReused();
  }
}
