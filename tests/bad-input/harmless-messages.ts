import type { TopicDefinition } from '@orderflow/shared-events/catalog';
import { readFixture } from './fixture.ts';
import { bytes, goldenOf, type Golden, type SentMessage } from './message-cases.ts';

/** A message that is taken in and changes nothing: it is counted, never parked. */
export interface HarmlessMessage extends SentMessage {
  readonly name: string;
}

const UNKNOWN_FIELDS = readFixture<ReadonlyArray<{ name: string }>>('unknown-fields.json');

/** Beyond every id that an identity column reaches in a test. */
const UNKNOWN_ORDER = 9_007_199_254_740_000;

/**
 * Variants of a message of an order that is over: fields that nobody knows, other bodies under the same id, other
 * spellings, headers of any kind. What would be another fact is left as it was: attempt, compensate and paidAt.
 */
export function harmlessVariants(published: Golden): HarmlessMessage[] {
  const { key, headers, data } = published;
  const made = (name: string, value: string, changed: SentMessage['headers'] = bytes(headers)) => ({
    name,
    key: Buffer.from(key),
    value: Buffer.from(value),
    headers: changed,
  });
  const good = JSON.stringify(data);
  return [
    ...spellings(good, data).map(([name, value]) => made(name, value)),
    ...otherBodies(data).map(([name, value]) => made(name, value)),
    ...otherHeaders(headers).map(([name, changed]) => made(name, good, changed)),
  ];
}

type Data = Golden['data'];

function spellings(good: string, data: Data): Array<[name: string, value: string]> {
  const backwards = Object.fromEntries(Object.entries(data).reverse());
  const plus = (json: string) => `${good.slice(0, -1)},${json}}`;
  const unknown = UNKNOWN_FIELDS.filter(({ name }) => !(name in data)).map(({ name }): [string, string] => [
    `an unknown field ${name.slice(0, 20)}`,
    plus(`${JSON.stringify(name)}:1`),
  ]);
  return [
    ...unknown.slice(0, 40),
    ['an unknown field __proto__', plus('"__proto__":{"userId":1}')],
    ['an unknown field of 100 kB', plus(`"notes":"${'x'.repeat(100_000)}"`)],
    ['an unknown field, a hundred levels deep', plus(`"notes":${'['.repeat(100)}${']'.repeat(100)}`)],
    ['an unknown field with half a surrogate pair', plus('"notes":"\\ud800"')],
    ['a field twice', plus(`"userId":${String(data['userId'])}`)],
    ['an unknown field in a line', good.replace('"productId":', '"color":"red","productId":')],
    ['indented', JSON.stringify(data, null, 2)],
    ['spaces around', `\r\n\t ${good} \n`],
    ['keys backwards', JSON.stringify(backwards)],
    ['keys by escapes', good.replace('"userId"', '"\\u0075serId"')],
    ['an id as 1.0', good.replace(/"orderId":(\d+)/, '"orderId":$1.0')],
    ['an id as 1e0', good.replace(/"orderId":(\d+)/, '"orderId":$1e0')],
  ];
}

function anotherId(id: unknown): number {
  return typeof id === 'number' && id > 1 ? id - 1 : 2;
}

function otherBodies(data: Data): Array<[name: string, value: string]> {
  const with_ = (changed: Data) => JSON.stringify({ ...data, ...changed });
  const items = data['items'] as ReadonlyArray<Record<string, unknown>>;
  const line = (changed: Record<string, unknown>) => items.map((item) => ({ ...item, ...changed }));
  const amounts = ['originalAmount', 'discountAmount', 'totalAmount'].filter((name) => data[name] !== null);
  const bodies: Array<[string, string]> = [
    ['another user', with_({ userId: anotherId(data['userId']) })],
    ['the largest user id', with_({ userId: Number.MAX_SAFE_INTEGER })],
    ['another coupon', with_({ couponId: anotherId(data['couponId']) })],
    ['no coupon', with_({ couponId: null })],
    ['more of each product', with_({ items: line({ quantity: 1000 }) })],
    ['another product', with_({ items: line({ productId: Number.MAX_SAFE_INTEGER }).slice(0, 1) })],
    ['a product twice', with_({ items: [...items, ...items].slice(0, 50) })],
    ['another price asked for', with_({ items: line({ expectedUnitPrice: '0.01' }) })],
    ['prices', with_({ items: line({ unitPrice: '999999999999999.99', totalPrice: '999999999999999.99' }) })],
    ['prices of nothing', with_({ items: line({ unitPrice: '0.00', totalPrice: '0.00' }) })],
    ...amounts.map((name): [string, string] => [`${name} 0.00`, with_({ [name]: '0.00' })]),
    ...amounts.map((name): [string, string] => [
      `${name} beyond all`,
      with_({ [name]: '999999999999999.99' }),
    ]),
  ];
  if ('reason' in data) {
    bodies.push(['another reason', with_({ reason: 'USER_NOT_FOUND' })]);
    bodies.push(['a reason that nobody knows', with_({ reason: 'MOON_PHASE' })]);
    bodies.push(['a reason of 10 kB', with_({ reason: 'x'.repeat(10_000) })]);
    bodies.push(['a reason with NUL', with_({ reason: 'a\0b' })]);
    bodies.push(['a reason with half a surrogate pair', with_({ reason: '\ud800' })]);
  }
  return bodies;
}

function otherHeaders(right: Golden['headers']): Array<[name: string, headers: SentMessage['headers']]> {
  const type = { ce_type: Buffer.from(right['ce_type'] ?? '') };
  const given = bytes(right);
  const other = (name: string, text: string) => ({ ...given, [name]: Buffer.from(text) });
  const many = Array.from({ length: 200 }, (_, index) => [`x-${index}`, Buffer.from('y'.repeat(50))]);
  return [
    ['no header but the type', type],
    ['the type twice, the second one wrong', { ...given, ce_type: [type.ce_type, Buffer.from('x')] }],
    ['another id', other('ce_id', 'order-created/1')],
    ['an empty id', other('ce_id', '')],
    ['a binary id', { ...given, ce_id: Buffer.from([0, 255, 254, 0]) }],
    ['an id of 10 kB', other('ce_id', 'x'.repeat(10_000))],
    ['another source', other('ce_source', '/somebody/else')],
    ['another version of the envelope', other('ce_specversion', '99.0')],
    ['a time that is none', other('ce_time', 'yesterday')],
    ['another subject', other('ce_subject', '-1')],
    ['another schema', other('ce_dataschema', 'https://evil.example/schema.json')],
    ['another content type', other('content-type', 'application/xml')],
    ['a trace that is none', other('traceparent', "'; DROP TABLE outbox; --")],
    ['a trace of zeros', other('traceparent', `00-${'0'.repeat(32)}-${'0'.repeat(16)}-00`)],
    ['a binary trace', { ...given, traceparent: Buffer.from([0, 1, 2, 255]) }],
    ['a cause of 10 kB', other('ce_causationid', 'x'.repeat(10_000))],
    ['200 more headers', { ...given, ...(Object.fromEntries(many) as Record<string, Buffer>) }],
    ['a header __proto__', { ...given, ['__proto__']: Buffer.from('x') }],
    ['a header constructor', other('constructor', 'x')],
    ['a header without a name', other('', 'x')],
  ];
}

/** True when a message of an unknown order means nothing to any reader of the topic: the order service alone knows. */
function onlyTheOrderServiceReads({ consumers }: TopicDefinition): boolean {
  return consumers.every((step) => step === 'order.advance');
}

/** Messages of orders that never were, on the topics where they have nothing to change. */
export function unknownOrders(topic: TopicDefinition): HarmlessMessage[] {
  const golden = goldenOf(topic);
  // Whoever is named answers an order-cancelling, and a refunded order leaves a row in the daily sales.
  const nothingToDo: Readonly<Record<string, Data>> = {
    'order-cancelling': { compensate: [] },
    'order-cancelled': { paidAt: null },
  };
  const part = nothingToDo[topic.name] ?? {};
  if (!onlyTheOrderServiceReads(topic) && nothingToDo[topic.name] === undefined) return [];
  return Array.from({ length: 10 }, (_, index) => {
    const orderId = UNKNOWN_ORDER + index;
    return {
      name: `an order that never was, ${index}`,
      key: Buffer.from(String(orderId)),
      value: Buffer.from(JSON.stringify({ ...golden.data, ...part, orderId })),
      headers: bytes(golden.headers),
    };
  });
}
