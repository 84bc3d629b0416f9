import type { z } from 'zod';
import { orderMembers, type OrderSoFar } from './order-so-far.ts';

/** The services that publish events. `ce_source` is `/orderflow/<publisher>`. */
export type Publisher = 'order' | 'product' | 'coupon' | 'user-balance' | 'payment';

/**
 * One event type in one version: what is on the wire, where, and who may put it there.
 * `Data` is the parsed form: amounts are bigint minor units.
 */
export interface EventContract<
  Type extends string = string,
  Data extends OrderSoFar = OrderSoFar,
  Version extends number = number,
> {
  readonly type: Type;
  readonly version: Version;
  readonly topic: string;
  readonly publisher: Publisher;
  readonly schema: z.ZodType<Data, unknown>;
  /** Keys of the data beyond the order so far, in their order on the wire. */
  readonly extraKeys: readonly string[];
}

/** An event as a step receives it: parsed data and the part of the envelope a step may need. */
export interface ReceivedEvent<
  Type extends string = string,
  Data extends OrderSoFar = OrderSoFar,
  Version extends number = number,
> {
  readonly type: Type;
  /** Tells the versions of one type apart, for a step that reads several. */
  readonly version: Version;
  /** `<topic>/<order id>`, from the second attempt on `<topic>/<order id>/<attempt>`. */
  readonly id: string;
  readonly data: Data;
  readonly traceparent: string | null;
}

/** The received event of a contract: `EventOf<typeof StockReserved>`. */
export type EventOf<C> =
  C extends EventContract<infer Type, infer Data, infer Version> ? ReceivedEvent<Type, Data, Version> : never;

/** The data of a contract's event. */
export type DataOf<C> = C extends EventContract<string, infer Data> ? Data : never;

/** Declares an event. `type` and `topic` are read by consumers outside this repository: renaming breaks them. */
export function defineEvent<Type extends string, Data extends OrderSoFar, Version extends number>(
  definition: Omit<EventContract<Type, Data, Version>, 'extraKeys'> & {
    readonly extraKeys?: readonly Exclude<keyof Data & string, keyof OrderSoFar>[];
  },
): EventContract<Type, Data, Version> {
  return { extraKeys: [], ...definition };
}

/** `order.paid.v1`: the value of the `ce_type` header. */
export function wireType(contract: EventContract): string {
  return `${contract.type}.v${contract.version}`;
}

/**
 * The id names the fact (rule R2), so that making it again cannot mint a second identity:
 * `<topic>/<order id>`, and for the n-th nudge and its answers `<topic>/<order id>/<n>`.
 */
export function eventId(
  contract: Pick<EventContract, 'topic'>,
  data: { orderId: number; attempt?: number },
): string {
  return data.attempt
    ? `${contract.topic}/${data.orderId}/${data.attempt}`
    : `${contract.topic}/${data.orderId}`;
}

/** The data as the JSON text that goes on the wire; equal data give equal bytes. */
export function encodeData<Data extends OrderSoFar>(
  contract: EventContract<string, Data>,
  data: Data,
): string {
  let json = `{${orderMembers(data)}`;
  for (const key of contract.extraKeys) json += `,"${key}":${JSON.stringify(data[key as keyof Data])}`;
  return `${json}}`;
}
