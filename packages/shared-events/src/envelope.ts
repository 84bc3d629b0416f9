import {
  eventId,
  encodeData,
  wireType,
  type EventContract,
  type EventOf,
  type ReceivedEvent,
} from './contract.ts';
import type { OrderSoFar } from './order-so-far.ts';

/** A message ready for Kafka. Keys and values are text, so that a row can hold it as it is. */
export interface Message {
  readonly topic: string;
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What caused an event, and when its row was written (the database's clock, milliseconds). */
export interface Origin {
  readonly time: Date;
  readonly causationId: string | null;
  readonly traceparent: string | null;
}

/** Why bytes could not become an event: the dead-letter reasons of the contract's side. */
export type RefusalReason = 'UNPARSEABLE' | 'SCHEMA' | 'UNKNOWN_TYPE' | 'UNKNOWN_VERSION' | 'KEY_MISMATCH';

export type Decoded<Event> =
  | { readonly ok: true; readonly event: Event }
  | { readonly ok: false; readonly reason: RefusalReason; readonly error: string };

/** Bytes as a Kafka client hands them over. */
export interface RawMessage {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | string | (Buffer | string)[] | undefined>>;
}

/** Wraps data into a message: CloudEvents 1.0, Kafka binary mode. */
export function encodeMessage<Data extends OrderSoFar>(
  contract: EventContract<string, Data>,
  data: Data,
  origin: Origin,
): Message {
  return wrapMessage(contract, eventId(contract, data), data.orderId, encodeData(contract, data), origin);
}

/** As `encodeMessage`, for a value that is already text: the relay publishes stored bytes as they are. */
export function wrapMessage(
  contract: EventContract,
  id: string,
  orderId: number,
  value: string,
  origin: Origin,
): Message {
  const type = wireType(contract);
  const headers: Record<string, string> = {
    ce_id: id,
    ce_source: `/orderflow/${contract.publisher}`,
    ce_specversion: '1.0',
    ce_type: type,
    ce_time: origin.time.toISOString(),
    ce_subject: String(orderId),
    ce_dataschema: `/schemas/${type}.json`,
    'content-type': 'application/json',
  };
  if (origin.causationId !== null) headers['ce_causationid'] = origin.causationId;
  if (origin.traceparent !== null) headers['traceparent'] = origin.traceparent;
  return { topic: contract.topic, key: String(orderId), value, headers };
}

/**
 * Reads a message of the contract's topic. Never throws: what cannot be read comes back with its reason.
 * Fields that the schema does not know are dropped, so that producers may add some.
 */
export function decodeMessage<C extends EventContract>(
  contract: C,
  message: RawMessage,
): Decoded<EventOf<C>> {
  return decodeOneOf([contract], message);
}

/**
 * As `decodeMessage`, for a topic that holds several versions: the contract whose type and version the message names
 * reads it, and `event.version` tells which.
 */
export function decodeOneOf<C extends EventContract>(
  contracts: readonly C[],
  message: RawMessage,
): Decoded<EventOf<C>> {
  const type = headerText(message.headers['ce_type']);
  const contract = contracts.find((one) => wireType(one) === type);
  if (!contract) return refuseType(contracts, type);
  if (message.value === null) return refuse('UNPARSEABLE', 'the value is null');
  let json: unknown;
  try {
    json = JSON.parse(utf8.decode(message.value));
  } catch (error) {
    return refuse('UNPARSEABLE', (error as Error).message);
  }
  const parsed = contract.schema.safeParse(json);
  if (!parsed.success) {
    const error = parsed.error.issues.map((issue) => `/${issue.path.join('/')}: ${issue.message}`).join('; ');
    return refuse('SCHEMA', error);
  }
  const key = message.key?.toString('utf8');
  if (key !== String(parsed.data.orderId)) {
    return refuse('KEY_MISMATCH', `key ${key ?? 'null'} is not order ${parsed.data.orderId}`);
  }
  const event: ReceivedEvent = {
    type: contract.type,
    version: contract.version,
    // The id is derived, not read: a producer's wrong header cannot mint a second identity.
    id: eventId(contract, parsed.data),
    data: parsed.data,
    traceparent: readTraceparent(message),
  };
  return { ok: true, event: event as unknown as EventOf<C> };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function headerText(header: RawMessage['headers'][string]): string | undefined {
  const first = Array.isArray(header) ? header[0] : header;
  return typeof first === 'string' ? first : first?.toString('utf8');
}

/** W3C trace context, version 00. Anything else is no trace: it would be stored and sent on with each event caused. */
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

function readTraceparent(message: RawMessage): string | null {
  const text = headerText(message.headers['traceparent']);
  return text !== undefined && TRACEPARENT.test(text) ? text : null;
}

function refuseType(contracts: readonly EventContract[], type: string | undefined): Decoded<never> {
  const known = contracts.some(
    (one) => type?.startsWith(`${one.type}.v`) && /^\d+$/.test(type.slice(one.type.length + 2)),
  );
  return refuse(
    known ? 'UNKNOWN_VERSION' : 'UNKNOWN_TYPE',
    `ce_type ${type ?? 'missing'}, expected ${contracts.map(wireType).join(' or ')}`,
  );
}

const ERROR_MAX_LENGTH = 500;

/** Errors quote the message, which may be anything: what is not printable is shown as ?, and a megabyte is cut. */
function refuse(reason: RefusalReason, error: string): Decoded<never> {
  return { ok: false, reason, error: error.slice(0, ERROR_MAX_LENGTH).replace(/[\p{Cc}\p{Cs}]/gu, '?') };
}
