import type pg from 'pg';

/** What a statement takes as a parameter. All of it can be written down without fail, before anything is sent. */
export type Parameter = Scalar | readonly Scalar[];
type Scalar = string | number | bigint | boolean | Date | Buffer | null;

/** A statement that a connection prepares once, by its text. */
export function preparedStatement(text: string, values: readonly unknown[]): pg.QueryConfig {
  return { name: statementName(text), text, values: values.map(asParameter) };
}

const statementNames = new Map<string, string>();

function statementName(text: string): string {
  let name = statementNames.get(text);
  if (name === undefined) {
    name = `s${statementNames.size}`;
    statementNames.set(text, name);
  }
  return name;
}

/**
 * An array of numbers or texts as Postgres writes it; everything else is pg's to convert. pg calls a converter and two
 * regular expressions an element, and columns of ids, amounts and texts are most of what a batch sends.
 */
function asParameter(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  let literal = '';
  for (const element of value as readonly unknown[]) {
    if (typeof element === 'number') literal += `,${element}`;
    else if (typeof element === 'string') literal += `,${quoted(element)}`;
    else if (element === null) literal += ',NULL';
    else return value;
  }
  return `{${literal.slice(1)}}`;
}

/** What JSON escapes and Postgres does not: control characters, halves of surrogate pairs. */
const JSON_ONLY = /[^\x20-\ud7ff\ue000-\uffff]/;

/** A quoted element. Where the two agree JSON's own escaping is taken: 0.6 instead of 1.0 µs for an order's JSON. */
function quoted(text: string): string {
  if (!text.includes('"') && !text.includes('\\')) return `"${text}"`;
  return JSON_ONLY.test(text) ? `"${text.replaceAll(/["\\]/g, '\\$&')}"` : JSON.stringify(text);
}
