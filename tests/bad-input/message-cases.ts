import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { TopicDefinition } from '@orderflow/shared-events/catalog';
import { wireType } from '@orderflow/shared-events/contract';
import type { RefusalReason } from '@orderflow/shared-events/envelope';
import { badValues, encodeAs, expand, has, readFixture, splice, without, type Field } from './fixture.ts';

/** A message as a producer can send it. */
export interface SentMessage {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | Buffer[]>>;
}

/** A message that no consumer can take in, and what its dead letter must say. */
export interface BadMessage extends SentMessage {
  readonly name: string;
  readonly reason: RefusalReason;
}

/** The example of an event that consumers are given. */
export interface Golden {
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Named {
  readonly name: string;
  readonly reason: RefusalReason;
}

interface Fixtures {
  readonly types: ReadonlyArray<Named & { types?: readonly string[]; base64?: string; encoding?: string }>;
  readonly keys: ReadonlyArray<{ name: string; key?: string | null; base64?: string }>;
  readonly values: ReadonlyArray<Named & { value?: 'null'; text?: string; base64prefix?: string }>;
}

/** A whole document that is wrong: `not` as of a value, `object` for JSON that is none. */
interface BadDocument {
  readonly name: string;
  readonly text?: string;
  readonly base64?: string;
  readonly encoding?: string;
  readonly not?: 'json' | 'acceptable' | 'object';
}

const FIXTURES = readFixture<Fixtures>('messages.json');
const DOCUMENTS = readFixture<readonly BadDocument[]>('bodies.json').filter(({ not }) => not !== undefined);

/** Whatever an event may have; each topic has some of them. Null is right where the published schema says so. */
const FIELDS: readonly Field[] = [
  { field: 'orderId', kind: 'id' },
  { field: 'userId', kind: 'id' },
  { field: 'couponId', kind: 'id' },
  { field: 'items', kind: 'list' },
  { field: 'items/0/productId', kind: 'id' },
  { field: 'items/0/quantity', kind: 'integer', min: 1, max: 1000 },
  { field: 'items/0/expectedUnitPrice', kind: 'amount' },
  { field: 'items/0/unitPrice', kind: 'amount' },
  { field: 'items/1/totalPrice', kind: 'amount' },
  { field: 'originalAmount', kind: 'amount' },
  { field: 'discountAmount', kind: 'amount' },
  { field: 'totalAmount', kind: 'amount' },
  { field: 'reason', kind: 'reason' },
  { field: 'compensate', kind: 'participants' },
  { field: 'attempt', kind: 'integer', min: 0, max: 2 ** 31 - 1 },
  { field: 'paidAt', kind: 'time' },
];

function contract(path: string): unknown {
  const file = new URL(`../../packages/shared-events/${path}`, import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8'));
}

/** What a topic's messages are made from. */
export function goldenOf({ event }: TopicDefinition): Golden {
  return contract(`golden/${wireType(event)}.json`) as Golden;
}

interface SchemaNode {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
}

/** The fields of the topic's event, nullable where its published JSON Schema says so. */
function fieldsOf(topic: TopicDefinition, { data }: Golden): Field[] {
  const schema = contract(`schemas/${wireType(topic.event)}.json`) as SchemaNode;
  const nodeAt = (field: string): SchemaNode | undefined =>
    field
      .split('/')
      .reduce<SchemaNode | undefined>(
        (node, name) => (/^\d+$/.test(name) ? node?.items : node?.properties?.[name]),
        schema,
      );
  return FIELDS.filter(({ field }) => has(data, field)).map((field) => ({
    ...field,
    nullable: nodeAt(field.field)?.anyOf?.some(({ type }) => type === 'null') ?? false,
  }));
}

/** Headers as they lie in a record. */
export function bytes(headers: Readonly<Record<string, string>>): Record<string, Buffer> {
  return Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, Buffer.from(text)]));
}

/** Every message of the corpus for one topic: the example of its event with one thing wrong. */
export function badMessages(topic: TopicDefinition): BadMessage[] {
  const golden = goldenOf(topic);
  const good = { key: Buffer.from(golden.key), headers: bytes(golden.headers) };
  const cases = [
    ...badContents(topic, golden).map(({ name, reason, value }) => ({ ...good, name, reason, value })),
    ...badTypes(topic, golden),
    ...badKeys(golden),
  ];
  const named = cases.map((message) => ({ ...message, name: `${topic.name}: ${message.name}` }));
  return [...new Map(named.map((message) => [fingerprint(message), message])).values()];
}

/** Equal for messages that no consumer can tell apart. */
export function fingerprint({ key, value, headers }: SentMessage): string {
  const text = (one: Buffer) => createHash('sha1').update(one).digest('hex');
  const pairs = Object.entries(headers).map(([name, held]) => [name, [held].flat().map(text)]);
  return JSON.stringify([key && text(key), value && text(value), pairs]);
}

type Content = Named & { readonly value: Buffer | null };

function badContents(topic: TopicDefinition, { data }: Golden): Content[] {
  const valid = JSON.stringify(data);
  const fill = (text: string) => Buffer.from(expand(text).replaceAll('{valid}', () => valid));
  const documents = DOCUMENTS.map(({ name, text, base64, encoding, not }): Content => {
    const value =
      text === undefined ? (base64 === undefined ? null : Buffer.from(base64, 'base64')) : fill(text);
    const reason = not === 'json' ? 'UNPARSEABLE' : 'SCHEMA';
    return { name, reason, value: encoding === undefined ? value : encodeAs(encoding, valid) };
  });
  const values = FIXTURES.values.map(({ name, reason, value, text, base64prefix }): Content => {
    if (value === 'null') return { name, reason, value: null };
    if (text !== undefined) return { name, reason, value: fill(text) };
    return {
      name,
      reason,
      value: Buffer.concat([Buffer.from(base64prefix ?? '', 'base64'), Buffer.from(valid)]),
    };
  });
  const cut = Array.from({ length: 20 }, (_, index): Content => {
    const length = Math.floor((valid.length * (index + 1)) / 21);
    return {
      name: `the first ${length} of ${valid.length} bytes`,
      reason: 'UNPARSEABLE',
      value: Buffer.from(valid.slice(0, length)),
    };
  });
  return [...documents, ...values, ...cut, ...badFields(topic, { data })];
}

/** Characters. */
const LARGE = 2000;

function badFields(topic: TopicDefinition, golden: Pick<Golden, 'data'>): Content[] {
  const { data } = golden;
  return fieldsOf(topic, golden as Golden).flatMap((field, index) => [
    { name: `no ${field.field}`, reason: 'SCHEMA' as const, value: Buffer.from(without(data, field.field)) },
    ...badValues(field)
      // Text that is no JSON is none wherever it stands, and what is large is large anywhere.
      .filter(({ not, json }) => index === 0 || (not !== 'json' && json.length < LARGE))
      .map(({ name, json, not }) => ({
        name: `${field.field}: ${name}`,
        reason: not === 'json' ? ('UNPARSEABLE' as const) : ('SCHEMA' as const),
        value: Buffer.from(splice(data, field.field, json)),
      })),
  ]);
}

function badTypes({ event }: TopicDefinition, { key, headers, data }: Golden): BadMessage[] {
  return FIXTURES.types.map(({ name, reason, types, base64, encoding }) => {
    const { ce_type: right = '', ...others } = headers;
    const written = (type: string): Buffer => Buffer.from(expand(type).replaceAll('{event}', event.type));
    const made = (types ?? []).map(written);
    if (base64 !== undefined) made.push(Buffer.from(base64, 'base64'));
    if (encoding !== undefined) made.push(encodeAs(encoding, right));
    const type = made.length === 0 ? {} : { ce_type: made.length === 1 ? (made[0] as Buffer) : made };
    return {
      name: `ce_type: ${name}`,
      reason,
      key: Buffer.from(key),
      value: Buffer.from(JSON.stringify(data)),
      headers: { ...bytes(others), ...type },
    };
  });
}

function badKeys({ key: right, headers, data }: Golden): BadMessage[] {
  return FIXTURES.keys.map(({ name, key, base64 }) => {
    const text: Buffer | null =
      key === undefined || key === null ? null : Buffer.from(expand(key).replaceAll('{key}', right));
    return {
      name: `key: ${name}`,
      reason: 'KEY_MISMATCH',
      key: base64 === undefined ? text : Buffer.from(base64, 'base64'),
      value: Buffer.from(JSON.stringify(data)),
      headers: bytes(headers),
    };
  });
}
