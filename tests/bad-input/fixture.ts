import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

/**
 * A wrong value of a field, as the text that stands in its place in a JSON document. `not` says what the text breaks:
 * nothing for a value that is JSON like any other, `json` when no parser takes it, `acceptable` when it is JSON that
 * the conventions of the API refuse (NUL, lone surrogates, `__proto__`, a key twice, depth); a message may hold that.
 */
export interface BadValue {
  readonly name: string;
  readonly json: string;
  readonly not?: 'json' | 'acceptable';
  /** Money in messages has two decimals, in requests up to two. */
  readonly only?: 'messages';
}

/** What a field holds, by its name in fixtures/fields.json, and the limits that make more wrong values of it. */
export interface Field {
  /** Names from the document's root: `items/0/quantity`. */
  readonly field: string;
  readonly kind:
    | 'id'
    | 'integer'
    | 'amount'
    | 'text'
    | 'choice'
    | 'time'
    | 'list'
    | 'reason'
    | 'participants'
    | 'roles'
    | 'ids';
  /** Of an integer, inclusive. */
  readonly min?: number;
  readonly max?: number;
  /** Of a text: how many characters it may have. */
  readonly maxLength?: number;
  /** Of a text: may it be empty. */
  readonly empty?: boolean;
  /** May it be absent. */
  readonly optional?: boolean;
  /** May it be null. */
  readonly nullable?: boolean;
}

/** Reads a file of fixtures/. Each finding adds a line to one of them. */
export function readFixture<Content>(name: string): Content {
  return JSON.parse(readFileSync(new URL(`./fixtures/${name}`, import.meta.url), 'utf8')) as Content;
}

/** Writes out what stands as `${x*1000}`: the text before the last star, so many times. */
export function expand(text: string): string {
  return text.replace(/\$\{(.+?)\*(\d+)\}/gsu, (_, part: string, times: string) =>
    part.repeat(Number(times)),
  );
}

/** A text in an encoding that a sender may have taken for the right one. */
export function encodeAs(encoding: string, text: string): Buffer {
  switch (encoding) {
    case 'utf-16le':
      return Buffer.from(text, 'utf16le');
    case 'utf-16be':
      return Buffer.from(text, 'utf16le').swap16();
    case 'utf-16le-bom':
      return Buffer.from(`\ufeff${text}`, 'utf16le');
    case 'utf-32le':
      return Buffer.concat([...text].map((letter) => Buffer.from([letter.codePointAt(0) ?? 0, 0, 0, 0])));
    case 'gzip':
      return gzipSync(text);
    case 'base64':
      return Buffer.from(Buffer.from(text).toString('base64'));
    case 'hex':
      return Buffer.from(Buffer.from(text).toString('hex'));
    default:
      throw new Error(`no encoding ${encoding}`);
  }
}

const MARK = '\u0001the value\u0001';

/** The document as JSON text with the text `json` in the place of one field, whatever it may be. */
export function splice(document: unknown, field: string, json: string): string {
  const text = JSON.stringify(replaceAt(document, field.split('/'), () => MARK));
  return text.replace(JSON.stringify(MARK), () => json);
}

/** The document without the field. */
export function without(document: unknown, field: string): string {
  return JSON.stringify(replaceAt(document, field.split('/'), () => undefined));
}

/** True when the document has something in the field's place. */
export function has(document: unknown, field: string): boolean {
  let found = document;
  for (const name of field.split('/')) {
    if (typeof found !== 'object' || found === null || !(name in found)) return false;
    found = (found as Record<string, unknown>)[name];
  }
  return true;
}

function replaceAt(document: unknown, [name, ...rest]: readonly string[], change: () => unknown): unknown {
  if (name === undefined) return change();
  const copy = (
    Array.isArray(document) ? [...(document as unknown[])] : { ...(document as object) }
  ) as Record<string, unknown>;
  const value = replaceAt(copy[name], rest, change);
  if (value !== undefined) copy[name] = value;
  else Reflect.deleteProperty(copy, name);
  return copy;
}

const VALUES = readFixture<Record<string, readonly BadValue[]>>('fields.json');

/** Every wrong value of a field: those of any field, those of its kind, and those that its limits make. */
export function badValues(field: Field): BadValue[] {
  const { kind, min = -Number.MAX_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = field;
  const of = (name: string) => VALUES[name] ?? [];
  const values = [...of('any'), ...of(kind), ...beyondLimits(field)];
  if (kind === 'text' && !field.empty) values.push(...of('required text'));
  const legal = ({ json, not }: BadValue): boolean => {
    // Any text is a reason: what a newer version sends is read as OTHER.
    if (not) return kind === 'reason' && not === 'acceptable' && json.startsWith('"');
    if (json === 'null') return field.nullable === true;
    if (kind === 'integer')
      return Number.isSafeInteger(Number(json)) && Number(json) >= min && Number(json) <= max;
    return false;
  };
  const distinct = new Map(values.filter((value) => !legal(value)).map((value) => [value.json, value]));
  return [...distinct.values()].map((value) => ({ ...value, json: expand(value.json) }));
}

function beyondLimits({ kind, min, max, maxLength }: Field): BadValue[] {
  const number = (value: number): BadValue => ({ name: String(value), json: String(value) });
  if (kind === 'integer') {
    const below = min === undefined ? [] : [min - 1, min - 0.5, min - 1000, -1e9];
    const above = max === undefined ? [] : [max + 1, max + 0.5, max + 1000, max * 10 + 1];
    return [...below, ...above].map(number);
  }
  if (kind === 'text' && maxLength !== undefined) {
    const long = (name: string, letter: string): BadValue => ({
      name: `${name} too many`,
      json: `"${letter.repeat(maxLength + 1)}"`,
    });
    const letters = [long('one letter', 'x'), long('one letter of two bytes', 'é'), long('one emoji', '😀')];
    letters.push(long('one escaped letter', '\\u0041'), long('one combining mark', '\u0301'));
    // A body of more than 32 KB is refused for its size.
    return [...letters, { name: '10 kB of text', json: `"${'x'.repeat(10_240)}"` }].filter(
      ({ json }) => Buffer.byteLength(json) < 30_000,
    );
  }
  return [];
}
