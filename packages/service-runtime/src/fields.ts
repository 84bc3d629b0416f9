import { z } from 'zod';
import { amountPattern, readAmount } from './amount.ts';

const bigintMax = 9_223_372_036_854_775_807n;

/**
 * What a schema is shown as in the API document instead of its JSON Schema: for text that is read into something
 * else, like a number in a query. What is shown accepts nothing that the schema refuses.
 */
const shownAs = (schema: z.core.JSONSchema.BaseSchema) => ({ shownAs: schema });

/**
 * An id in a path: decimal, 1 … 2^63 − 1, read as a number. Ids above 2^53 − 1 are read as 2^53 − 1, which no
 * identity column reaches, so they end as "not found" and never as an overflow in Postgres.
 */
export const pathId = z
  .string()
  .regex(/^[1-9]\d{0,18}$/, 'must be a whole number from 1 to 9223372036854775807')
  .refine((text) => !/^\d{19}$/.test(text) || BigInt(text) <= bigintMax, 'must fit into 64 bits')
  .transform((text) => Math.min(Number(text), Number.MAX_SAFE_INTEGER))
  .meta(
    shownAs({
      type: 'integer',
      format: 'int64',
      minimum: 1,
      maximum: Number.MAX_SAFE_INTEGER,
      examples: [1],
    }),
  );

/** An id in a body: a JSON number, 1 … 2^53 − 1. */
export const jsonId = z
  .int()
  .min(1)
  .meta({ format: 'int64', examples: [1] });

/** The largest price, discount or top-up: 9,999,999.99. */
export const amountMaxMinor = 999_999_999n;

/**
 * Money in a request: "12", "12.5" or "12.50", read into minor units (1250n). Limits are inclusive; a price, a
 * discount and a top-up lie within 0.01 … 9,999,999.99, which is the default.
 */
export function amountIn(options: { minMinor?: bigint; maxMinor?: bigint } = {}) {
  const { minMinor = 1n, maxMinor = amountMaxMinor } = options;
  const shown = minMinor === 1n && maxMinor === amountMaxMinor ? amountShown : {};
  return z
    .string()
    .regex(amountPattern, {
      error: 'must be a decimal string with at most two decimals, like "12.50"',
      abort: true,
    })
    .transform(readAmount)
    .refine((minor) => minor >= minMinor && minor <= maxMinor, {
      error: `must lie within ${inUnits(minMinor)} … ${inUnits(maxMinor)}`,
    })
    .meta(shown);
}

/** 0.01 … 9,999,999.99 as a pattern: exactly what the default limits let through. */
const amountShown = shownAs({
  type: 'string',
  pattern: String.raw`^(0\.(0[1-9]|[1-9]\d?)|[1-9]\d{0,6}(\.\d{1,2})?)$`,
  description: 'Money from "0.01" to "9999999.99", with at most two decimals.',
  examples: ['12.50'],
});

function inUnits(minor: bigint): string {
  const digits = minor.toString().padStart(3, '0');
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** Money in an answer: always two decimals; negative only for refunds in PAYMENTS. */
export const amountOut = z
  .string()
  .regex(/^-?(0|[1-9]\d{0,14})\.\d{2}$/)
  .meta({ examples: ['12.50'] });

/** A time in an answer: UTC, three decimals. Made by `writeTime`. */
export const timeOut = z
  .string()
  .regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  .meta({ format: 'date-time', examples: ['2026-11-22T10:00:00.250Z'] });

/** A stored time as answers show it: ISO 8601 in UTC, cut to milliseconds. */
export function writeTime(at: Date): string {
  return at.toISOString();
}

const loneSurrogate = /\p{Surrogate}/u;

/** True when Postgres can store the text as UTF-8: no NUL, no half of a surrogate pair. */
export function isStorableText(text: string): boolean {
  return !text.includes('\0') && !loneSurrogate.test(text);
}

/**
 * Text of a limited length, counted in code points as Postgres counts VARCHAR(n), after trimming; the answer is the
 * trimmed text.
 * @param max the column's length
 * @param min 1 for a name, 0 for a description that may be empty
 */
export function textOf(max: number, min: number) {
  return z
    .string()
    .trim()
    .refine(isStorableText, 'must not hold NUL or a lone surrogate')
    .refine((text) => text.length >= min, `must have at least ${min} character${min === 1 ? '' : 's'}`)
    .refine((text) => text.length <= max || [...text].length <= max, `must have at most ${max} characters`)
    .meta({
      minLength: min,
      maxLength: max,
      pattern: min === 0 ? '^[^\\u0000]*$' : '^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$',
    });
}

/** A name: 1 to `max` code points after trimming. */
export function name(max: number) {
  return textOf(max, 1);
}

/** A calendar day, "2026-02-28", that exists. */
export const day = z.iso.date().meta({ examples: ['2026-11-22'] });

/** The opaque form of a place in a list. */
export function encodeCursor(place: string | number | readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/**
 * The query of a list: `limit` 1–100 (20 when absent) and a cursor made by `encodeCursor`. Spread it into the route's
 * query object: `z.strictObject({ ...listQueryBy(z.tuple([z.string(), jsonId])), status })`.
 * @param place the schema of what the cursor holds; a cursor that does not fit is a 400
 */
export function listQueryBy<Place extends z.ZodType>(place: Place) {
  return {
    limit: z
      .string()
      .regex(/^([1-9]\d?|100)$/, 'must be a whole number from 1 to 100')
      .transform(Number)
      .prefault('20')
      .meta(shownAs({ type: 'integer', minimum: 1, maximum: 100, default: 20 })),
    cursor: z
      .string()
      .max(512)
      .transform((text, context): z.output<Place> => {
        const parsed = place.safeParse(decodeCursor(text));
        if (parsed.success) return parsed.data;
        context.addIssue({ code: 'custom', message: 'is not a cursor of this list' });
        return z.NEVER;
      })
      .optional()
      .meta({ description: 'The `nextCursor` of the page before; without it the first page.' }),
  };
}

function decodeCursor(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return undefined;
  }
}

/** The query of a list whose place is the last id shown. */
export const listQuery = listQueryBy(jsonId);

/** The schema of a list's answer. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.strictObject({ data: z.array(item), nextCursor: z.string().nullable() });
}

/** The body of a list's answer. */
export function page<Item>(
  data: readonly Item[],
  nextCursor: string | null,
): { data: Item[]; nextCursor: string | null } {
  return { data: [...data], nextCursor };
}

/**
 * Makes a page from rows read with `LIMIT limit + 1`: the extra row only says that there is more.
 * @param placeOf what the cursor after a row holds (for `listQuery`: its id)
 */
export function pageFrom<Row, Item>(
  rows: readonly Row[],
  limit: number,
  placeOf: (row: Row) => string | number | readonly (string | number)[],
  show: (row: Row) => Item,
): { data: Item[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return page(
    shown.map(show),
    rows.length > limit && last !== undefined ? encodeCursor(placeOf(last)) : null,
  );
}
