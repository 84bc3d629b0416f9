import { z } from 'zod';
import { problemAnswer, problemAnswerName, problemCodesOf, problemSchemas } from './openapi-problems.ts';
import { createSchemaBook, type JsonSchema, type SchemaBook } from './openapi-schema.ts';
import { PROBLEMS } from './problem.ts';
import type { Route } from './route.ts';

/** Routes that stand under one heading. */
export interface ApiPart {
  readonly tag: string;
  readonly description: string;
  readonly routes: readonly Route[];
}

export interface ApiInfo {
  readonly title: string;
  readonly version: string;
  /** Markdown: what holds for every route. */
  readonly description: string;
}

/** An OpenAPI 3.1 document as plain data, its keys in a fixed order. */
export type ApiDocument = Readonly<Record<string, unknown>> & {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
};

const ref = (kind: string, name: string) => ({ $ref: `#/components/${kind}/${name}` });
const text: JsonSchema = { type: 'string' };

const headers = {
  'X-Request-Id': { description: 'The request’s id: yours, or a new one. The logs know it.', schema: text },
  'RateLimit-Policy': { description: 'The limits that count this request: quota and window.', schema: text },
  RateLimit: { description: 'What is left of them, and the seconds until more.', schema: text },
  'Retry-After': {
    description: 'Seconds to wait before the request is sent again.',
    schema: { type: 'integer', minimum: 0 },
  },
  'WWW-Authenticate': { description: 'What kind of token is wanted.', schema: text },
  Location: { description: 'The path of what was made.', schema: text },
  'Idempotency-Replayed': {
    description: '`true` when this is the answer to an earlier request with the same key.',
    schema: { type: 'string', enum: ['true'] },
  },
  'Preference-Applied': { description: 'The `wait=N` that was kept.', schema: text },
} as const;

const parameters = {
  IdempotencyKey: {
    name: 'Idempotency-Key',
    in: 'header',
    required: true,
    description:
      'Names this one write, 1 to 255 visible ASCII characters. The same key again never acts twice.',
    schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
    example: '3c0a5a7e-8f1d-4a0e-9d0b-2f6f0a1f7c55',
  },
  Prefer: {
    name: 'Prefer',
    in: 'header',
    required: false,
    description:
      '`wait=N`: answer when the order is over, or after N seconds (10 at most) with what it is by then.',
    schema: text,
    example: 'wait=5',
  },
  LastEventId: {
    name: 'Last-Event-ID',
    in: 'header',
    required: false,
    description: 'The `id` of the last event seen: the stream goes on after it.',
    schema: text,
  },
} as const;

const general = ['X-Request-Id', 'RateLimit-Policy', 'RateLimit'];

/**
 * Describes routes as OpenAPI 3.1, from the very schemas that validate their requests and answers.
 * @throws Error naming a route without an operationId, two routes of one name or operationId, two schemas of one id
 */
export function openApiOf(parts: readonly ApiPart[], info: ApiInfo): ApiDocument {
  const schemas = createSchemaBook();
  const responses: Record<string, unknown> = {};
  const operations = parts.flatMap(({ tag, routes }) =>
    routes.map((route) => ({ route, operation: operationOf(route, tag, schemas, responses) })),
  );
  refuseTwice(operations.map(({ route }) => route.name));
  refuseTwice(operations.map(({ route }) => String(route.operationId)));
  const paths: Record<string, Record<string, unknown>> = {};
  for (const { route, operation } of operations.sort((a, b) => order(a.route, b.route))) {
    (paths[route.path] ??= {})[route.method.toLowerCase()] = operation;
  }
  return {
    openapi: '3.1.0',
    info,
    servers: [{ url: '/' }],
    tags: parts.map(({ tag, description }) => ({ name: tag, description })),
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description:
            'RS256, `typ` at+jwt, `sub` the user’s id, `roles` an array: `operator`, or `admin`, who is an operator too.',
        },
      },
      parameters,
      headers,
      schemas: sorted({ ...problemSchemas, ...schemas.components }),
      responses: sorted(responses),
    },
  };
}

function refuseTwice(names: readonly string[]): void {
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`${twice} stands twice in the API document`);
}

const methods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

function order(one: Route, other: Route): number {
  if (one.path !== other.path) return one.path < other.path ? -1 : 1;
  return methods.indexOf(one.method) - methods.indexOf(other.method);
}

function sorted<Value>(record: Readonly<Record<string, Value>>): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function operationOf(
  route: Route,
  tag: string,
  schemas: SchemaBook,
  shared: Record<string, unknown>,
): Record<string, unknown> {
  if (route.operationId === undefined) throw new Error(`${route.name} has no operationId`);
  const role = route.caller === 'operator' || route.caller === 'admin' ? route.caller : null;
  const description = [route.description, role && `Needs the role \`${role}\`.`].filter(Boolean).join('\n\n');
  const given = parametersOf(route, schemas);
  return {
    operationId: route.operationId,
    tags: [tag],
    summary: route.summary,
    ...(description && { description }),
    security: route.caller === 'anyone' ? [] : [{ bearer: role ? [role] : [] }],
    ...(role && { 'x-required-role': role }),
    ...(given.length > 0 && { parameters: given }),
    ...(route.body && {
      requestBody: {
        required: true,
        content: { 'application/json': jsonContent(schemas, schemas.request(route.body)) },
      },
    }),
    responses: { ...answersOf(route, schemas), ...problemsOf(route, shared) },
  };
}

function jsonContent(schemas: SchemaBook, schema: JsonSchema) {
  return { schema, example: schemas.exampleOf(schema) };
}

function parametersOf(route: Route, schemas: SchemaBook): unknown[] {
  return [
    ...fieldsOf('path', route.params, schemas),
    ...fieldsOf('query', route.query, schemas),
    ...(route.idempotent ? [ref('parameters', 'IdempotencyKey')] : []),
    ...(route.answerHeaders.includes('Preference-Applied') ? [ref('parameters', 'Prefer')] : []),
    ...(route.stream ? [ref('parameters', 'LastEventId')] : []),
  ];
}

function fieldsOf(where: 'path' | 'query', fields: z.ZodObject | undefined, schemas: SchemaBook): unknown[] {
  if (!fields) return [];
  const { properties, required } = schemas.request(fields) as {
    properties: Record<string, JsonSchema>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, shown]) => {
    const { description } = shown;
    const schema = Object.entries(shown).filter(([key]) => key !== 'description' && key !== 'examples');
    const needed = required?.includes(name) ?? false;
    return {
      name,
      in: where,
      required: needed,
      ...(description !== undefined && { description }),
      schema: Object.fromEntries(schema),
      // Pages fill in what has an example: an optional filter is left empty.
      ...(needed && { example: schemas.exampleOf(shown) }),
    };
  });
}

function answersOf(route: Route, schemas: SchemaBook): Record<string, unknown> {
  const names = [...general, ...route.answerHeaders, ...(route.idempotent ? ['Idempotency-Replayed'] : [])];
  const shown = Object.fromEntries(names.map((name) => [name, ref('headers', name)]));
  const answers: Record<string, unknown> = {};
  for (const [status, schema] of Object.entries(route.answers)) {
    const empty = schema instanceof z.ZodUndefined || schema instanceof z.ZodVoid;
    answers[status] = {
      description: schema.description ?? phrases[status] ?? 'Done.',
      headers: shown,
      ...(!empty && { content: { 'application/json': jsonContent(schemas, schemas.answer(schema)) } }),
    };
  }
  if (route.stream) answers['200'] = { ...streamOf(route.stream, schemas), headers: shown };
  return answers;
}

const phrases: Readonly<Record<string, string>> = {
  200: 'Done.',
  201: 'Made.',
  202: 'Accepted: it goes on.',
  204: 'Nothing more to come.',
};

function streamOf({ event, data }: NonNullable<Route['stream']>, schemas: SchemaBook) {
  const schema = schemas.answer(data);
  const example = JSON.stringify(schemas.exampleOf(schema));
  return {
    description: `Server-sent events named \`${event}\`; a comment now and then keeps the connection alive.`,
    content: {
      'text/event-stream': {
        // OpenAPI 3.1 has no schema for the events of a stream: `x-event-data` is that of their data.
        schema: {},
        example: `id: 17\nevent: ${event}\ndata: ${example}\n\n`,
        'x-event': event,
        'x-event-data': schema,
      },
    },
  };
}

function problemsOf(route: Route, shared: Record<string, unknown>): Record<string, unknown> {
  const codes = problemCodesOf(route);
  const statuses = new Set(codes.map((code) => PROBLEMS[code].status));
  return Object.fromEntries(
    [...statuses].map((status) => {
      const ofStatus = codes.filter((code) => PROBLEMS[code].status === status);
      const name = problemAnswerName(ofStatus);
      shared[name] ??= problemAnswer(status, ofStatus);
      return [String(status), ref('responses', name)];
    }),
  );
}
