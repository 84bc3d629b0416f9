import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly example?: unknown;
}

interface Media {
  readonly schema: object;
  readonly example?: unknown;
  /** What each event of a stream holds. */
  readonly 'x-event-data'?: object;
}

interface Answer {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly content?: Readonly<Record<string, Media>>;
}

export interface Operation {
  readonly operationId: string;
  readonly method: string;
  readonly path: string;
  /** The role the caller needs; empty for any user, null when no token is needed. */
  readonly role: string | null;
  readonly parameters: readonly Parameter[];
  readonly body: unknown;
  readonly responses: Readonly<Record<string, Answer>>;
}

interface RawOperation {
  readonly operationId: string;
  readonly security: readonly { readonly bearer: readonly string[] }[];
  readonly parameters?: readonly object[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, object>>;
}

interface RawDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, RawOperation>>>>;
}

const require = createRequire(import.meta.url);

/** The committed document. */
export const apiDocument = JSON.parse(
  readFileSync(require.resolve('@orderflow/client/openapi.json'), 'utf8'),
) as RawDocument;

const ajv = new Ajv2020({ strict: false, allErrors: true });
addFormats.default(ajv);
ajv.addSchema({ $id: 'api', ...apiDocument });

/** The part of the document that a reference means. */
function resolved<Part>(part: object): Part {
  if (!('$ref' in part)) return part as Part;
  const keys = String(part.$ref).split('/').slice(1);
  return keys.reduce<unknown>((inner, key) => (inner as Record<string, unknown>)[key], apiDocument) as Part;
}

/** Every operation of the document, by its id. */
export const operations: ReadonlyMap<string, Operation> = new Map(
  Object.entries(apiDocument.paths).flatMap(([path, byMethod]) =>
    Object.entries(byMethod).map(([method, raw]): [string, Operation] => {
      const [security] = raw.security;
      const operation = {
        operationId: raw.operationId,
        method: method.toUpperCase(),
        path,
        role: security ? (security.bearer[0] ?? '') : null,
        parameters: (raw.parameters ?? []).map((parameter) => resolved<Parameter>(parameter)),
        body: raw.requestBody?.content['application/json']?.example,
        responses: Object.fromEntries(
          Object.entries(raw.responses).map(([status, answer]) => [status, resolved<Answer>(answer)]),
        ),
      };
      return [raw.operationId, operation];
    }),
  ),
);

/** What of a value does not fit the schema; empty when all does. */
function faults(schema: object, value: unknown): string[] {
  const check = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"api#/')) as object);
  if (check(value)) return [];
  return (check.errors ?? []).map(({ instancePath, message = '' }) => `${instancePath} ${message}`);
}

/**
 * Where an answer differs from what the document says of its status: the status itself, the media type, the body, a
 * header that always comes.
 */
export function differences(operation: Operation, response: Response, body: string): string[] {
  const declared = operation.responses[String(response.status)];
  if (!declared) return [`the status ${response.status} is not documented: ${body}`];
  const missing = ['X-Request-Id', 'Location', 'WWW-Authenticate']
    .filter((name) => name in declared.headers && !response.headers.has(name))
    .map((name) => `there is no header ${name}`);
  if (!declared.content) return [...missing, ...(body === '' ? [] : [`an empty body, not ${body}`])];
  const type = (response.headers.get('content-type') ?? '').split(';')[0] ?? '';
  const media = declared.content[type];
  if (!media) return [...missing, `the media type ${type} is not documented`];
  if (type !== 'text/event-stream') return [...missing, ...faults(media.schema, JSON.parse(body))];
  const events = [...body.matchAll(/^data: (.*)$/gm)].map(([, data]) => JSON.parse(String(data)) as unknown);
  if (events.length === 0) return [...missing, 'the stream has no event'];
  return [...missing, ...events.flatMap((data) => faults(media['x-event-data'] ?? {}, data))];
}
