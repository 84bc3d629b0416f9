import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';

/** A JSON Schema (draft 2020-12) as plain data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** The schemas of an API document: those with an id stand once, below `components`, and are referred to. */
export interface SchemaBook {
  /** What a caller may send: defaults are optional, text that is read into something else is shown as it is sent. */
  request(schema: z.ZodType): JsonSchema;
  /** What a caller gets. */
  answer(schema: z.ZodType): JsonSchema;
  /**
   * A value that fits: the schema's own example, its default, or one put together from its parts. Of an object's fields
   * the optional ones without an example of their own are left out.
   */
  exampleOf(schema: JsonSchema): unknown;
  /** Everything that `request` and `answer` referred to so far, by name. */
  readonly components: Readonly<Record<string, JsonSchema>>;
}

const reference = '#/components/schemas/';

/**
 * Makes JSON Schemas from the zod schemas that validate. A schema is named by `.meta({ id: 'Order' })`; `shownAs` in its
 * meta replaces what zod would write (see fields.ts), `sentExample` is the example of a request's body.
 * @throws Error from `request` and `answer` when one name means two schemas, or zod cannot represent the schema
 */
export function createSchemaBook(): SchemaBook {
  const components: Record<string, JsonSchema> = {};
  const convert = (schema: z.ZodType, io: 'input' | 'output'): JsonSchema => {
    // Wrapped, so that a schema with an id is referred to and not copied.
    const wrapped = z.toJSONSchema(z.strictObject({ schema }), {
      target: 'draft-2020-12',
      io,
      override: ({ zodSchema, jsonSchema }) => tidy(zodSchema, jsonSchema),
    });
    const { $defs = {}, properties = {} } = JSON.parse(
      JSON.stringify(wrapped).replaceAll('"#/$defs/', `"${reference}`),
    ) as { $defs?: Record<string, JsonSchema>; properties?: Record<string, JsonSchema> };
    for (const [name, definition] of Object.entries($defs)) {
      if (components[name] && !isDeepStrictEqual(components[name], definition)) {
        throw new Error(`two schemas are named ${name}`);
      }
      components[name] = definition;
    }
    return properties['schema'] ?? {};
  };
  return {
    request: (schema) => convert(schema, 'input'),
    answer: (schema) => convert(schema, 'output'),
    exampleOf: (schema) => exampleOf(schema, components),
    components,
  };
}

function tidy(zodSchema: z.core.$ZodType, jsonSchema: z.core.JSONSchema.BaseSchema): void {
  const { shownAs, sentExample, description } = jsonSchema;
  if (typeof shownAs === 'object' && shownAs !== null) {
    for (const key of Object.keys(jsonSchema)) Reflect.deleteProperty(jsonSchema, key);
    Object.assign(jsonSchema, shownAs, description === undefined ? {} : { description });
  }
  // zod takes the examples of what is read into something else for those of the outcome, and drops them.
  if (sentExample !== undefined) {
    delete jsonSchema['sentExample'];
    jsonSchema.examples = [sentExample];
  }
  // The least safe integer says nothing to a reader.
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  // zod's patterns of dates and times are 300 characters that say no more than the format.
  const type: string = zodSchema._zod.def.type;
  if (type === 'string' && 'format' in zodSchema._zod.def && jsonSchema.format?.startsWith('date')) {
    delete jsonSchema.pattern;
  }
}

function exampleOf(schema: JsonSchema, components: Readonly<Record<string, JsonSchema>>): unknown {
  const inner = (part: unknown) => exampleOf(part as JsonSchema, components);
  const { $ref, examples, properties, required = [], items, anyOf, oneOf, minimum } = schema;
  if (Array.isArray(examples)) return examples[0];
  if (typeof $ref === 'string') return inner(components[$ref.slice(reference.length)] ?? {});
  if ('default' in schema) return schema['default'];
  if ('const' in schema) return schema['const'];
  if (Array.isArray(schema['enum'])) return schema['enum'][0];
  const options = anyOf ?? oneOf;
  if (Array.isArray(options)) return inner(options[0]);
  const type: unknown = Array.isArray(schema['type']) ? schema['type'][0] : schema['type'];
  switch (type) {
    case 'object': {
      const fields = (properties ?? {}) as Record<string, JsonSchema>;
      const needed = new Set(required as string[]);
      const told = Object.keys(fields).filter(
        (name) => needed.has(name) || 'examples' in (fields[name] ?? {}),
      );
      // A record names its keys in `required` alone.
      const names = new Set([...told, ...needed]);
      return Object.fromEntries(
        [...names].map((name) => [name, inner(fields[name] ?? schema['additionalProperties'] ?? {})]),
      );
    }
    case 'array':
      return items === undefined ? [] : [inner(items)];
    case 'integer':
    case 'number':
      return typeof minimum === 'number' ? Math.max(minimum, 1) : 1;
    case 'boolean':
      return false;
    case 'string':
      return 'text';
    default:
      return null;
  }
}
