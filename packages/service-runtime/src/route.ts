import { z } from 'zod';
import type { Caller } from './auth.ts';
import type { ProblemCode } from './problem.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** Who may call: nobody is asked, any token, the role operator (an admin is one), the role admin. */
export type CallerKind = 'anyone' | 'user' | 'operator' | 'admin';

type Output<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

/** What a route's handle gets: everything checked and typed, nothing of express. */
export interface RouteRequest<Kind extends CallerKind, Params, Query, Body, Idempotent extends boolean> {
  readonly caller: Kind extends 'anyone' ? null : Caller;
  readonly params: Output<Params>;
  readonly query: Output<Query>;
  readonly body: Output<Body>;
  /** 1–255 visible ASCII characters. */
  readonly idempotencyKey: Idempotent extends true ? string : undefined;
  /** "POST /v1/orders": the route's name in metrics, logs and idempotency keys. */
  readonly route: string;
  /** The N of `Prefer: wait=N`, seconds, at most 10; null when the header is absent or says something else. */
  readonly preferWaitSeconds: number | null;
  readonly requestId: string;
  /** W3C trace context: the caller's, or a new one. */
  readonly traceparent: string;
  /** A request header as it came, or undefined. Not for credentials: use `caller`. */
  header(name: string): string | undefined;
  /** Aborted when nobody waits for the answer any longer: the caller is gone, the stream is over, the process stops. */
  readonly signal: AbortSignal;
}

type Headers = Readonly<Record<string, string>>;

export type AnswerHeader = 'Location' | 'Preference-Applied';

/** An answer whose body is JSON text already: a stored answer sent again, byte for byte. */
export interface RawAnswer {
  readonly status: number;
  readonly json: string;
  readonly headers?: Headers;
}

/** One of the declared answers, its body checked by the compiler against the declared schema. */
export type RouteAnswer<Answers extends Record<number, z.ZodType>> =
  | RawAnswer
  | {
      [Status in keyof Answers]: {
        readonly status: Status;
        readonly body: z.input<Answers[Status]>;
        readonly headers?: Headers;
      };
    }[keyof Answers];

/** What a route that streams sends: server-sent events of one name, each with a value of one schema. */
export interface EventStream<Data extends z.ZodType = z.ZodType> {
  /** The event's name, as `EventSource.addEventListener` takes it. */
  readonly event: string;
  readonly data: Data;
}

export interface ServerEvent<Data> {
  /** What a caller sends back as `Last-Event-ID`. */
  readonly id: string | number;
  readonly data: Data;
}

/**
 * Server-sent events. The next one is asked for when the caller has taken the last, so a source should give the newest
 * it has. The stream ends with the iterator, when the caller is gone, at the token's end and when the process stops. A
 * source that waits learns of it by the request's `signal`: a generator's `return` would come after what it waits for.
 */
export interface StreamAnswer<Data> {
  readonly status: 200;
  readonly events: AsyncIterable<ServerEvent<Data>>;
  readonly headers?: Headers;
}

type StreamOf<Stream> = Stream extends EventStream<infer Data> ? StreamAnswer<z.input<Data>> : never;

/** A route as its author writes it. Everything OpenAPI needs stands here and nowhere else. */
export interface RouteDefinition<
  Kind extends CallerKind,
  Answers extends Record<number, z.ZodType>,
  Params extends z.ZodObject | undefined,
  Query extends z.ZodObject | undefined,
  Body extends z.ZodType | undefined,
  Idempotent extends boolean,
  Stream extends EventStream | undefined = undefined,
> {
  readonly method: Method;
  /** OpenAPI's form: `/v1/orders/{id}`; each name in braces is a field of `params`. */
  readonly path: string;
  readonly caller: Kind;
  /** OpenAPI's name of the route, a verb first: `placeOrder`. Generated clients name functions by it: it never changes. */
  readonly operationId?: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  /** True: an Idempotency-Key header is required and handed to `handle`. */
  readonly idempotent?: Idempotent;
  /** Answers other than a stream; a route that streams declares its 200 in `stream`. */
  readonly answers: Answers;
  readonly stream?: Stream;
  /** What its 2xx answers carry besides the general headers. `Preference-Applied`: the route takes `Prefer: wait=N`. */
  readonly answerHeaders?: readonly AnswerHeader[];
  /** The codes of its own; the general ones (VALIDATION_FAILED, UNAUTHENTICATED …) follow from the rest. */
  readonly problems: readonly ProblemCode[];
  readonly handle: (
    request: RouteRequest<Kind, Params, Query, Body, Idempotent>,
  ) => MaybePromise<RouteAnswer<NoInfer<Answers>> | StreamOf<NoInfer<Stream>>>;
}

type MaybePromise<Value> = Promise<Value> | Value;

/** A checked route, its types folded away: what the http app and the OpenAPI generator take. */
export interface Route {
  readonly name: string;
  readonly method: Method;
  readonly path: string;
  readonly caller: CallerKind;
  readonly operationId: string | undefined;
  readonly summary: string;
  readonly description: string | undefined;
  readonly params: z.ZodObject | undefined;
  readonly query: z.ZodObject | undefined;
  readonly body: z.ZodType | undefined;
  readonly idempotent: boolean;
  readonly answers: Readonly<Record<number, z.ZodType>>;
  readonly stream: EventStream | undefined;
  readonly answerHeaders: readonly AnswerHeader[];
  readonly problems: readonly ProblemCode[];
  readonly handle: (request: UntypedRequest) => MaybePromise<UntypedAnswer | StreamAnswer<unknown>>;
}

export interface UntypedRequest {
  readonly caller: Caller | null;
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
  readonly idempotencyKey: string | undefined;
  readonly route: string;
  readonly preferWaitSeconds: number | null;
  readonly requestId: string;
  readonly traceparent: string;
  header(name: string): string | undefined;
  readonly signal: AbortSignal;
}

export type UntypedAnswer =
  RawAnswer | { readonly status: number; readonly body: unknown; readonly headers?: Headers };

/**
 * Declares a route. Query and path objects become strict; a body must be strict at every level already.
 * @throws Error at start for a set-up that cannot be right: a body object that takes unknown fields, a path whose
 *   names differ from `params`, an idempotent route without a caller to scope its keys by, a stream beside a 200
 */
export function defineRoute<
  const Kind extends CallerKind,
  Answers extends Record<number, z.ZodType>,
  Params extends z.ZodObject | undefined = undefined,
  Query extends z.ZodObject | undefined = undefined,
  Body extends z.ZodType | undefined = undefined,
  const Idempotent extends boolean = false,
  Stream extends EventStream | undefined = undefined,
>(definition: RouteDefinition<Kind, Answers, Params, Query, Body, Idempotent, Stream>): Route {
  const name = `${definition.method} ${definition.path}`;
  const named = [...definition.path.matchAll(/\{(\w+)\}/g)].map(([, parameter]) => parameter).sort();
  const described = Object.keys(definition.params?.shape ?? {}).sort();
  if (named.join() !== described.join()) {
    throw new Error(`${name}: the path names {${named.join()}} but params describes {${described.join()}}`);
  }
  if (definition.body) requireStrict(definition.body, name);
  if (definition.idempotent && definition.caller === 'anyone') {
    throw new Error(`${name}: an idempotent route needs a caller to scope its keys by`);
  }
  if (definition.stream && 200 in definition.answers) {
    throw new Error(`${name}: a route that streams has no other 200`);
  }
  return {
    name,
    method: definition.method,
    path: definition.path,
    caller: definition.caller,
    operationId: definition.operationId,
    summary: definition.summary,
    description: definition.description,
    params: definition.params?.strict(),
    query: definition.query?.strict(),
    body: definition.body,
    idempotent: definition.idempotent ?? false,
    answers: definition.answers,
    stream: definition.stream,
    answerHeaders: definition.answerHeaders ?? [],
    problems: definition.problems,
    // The http app builds the request from these very schemas; this is the one place where types are folded away.
    handle: definition.handle as unknown as Route['handle'],
  };
}

function requireStrict(schema: z.core.$ZodType, where: string): void {
  if (schema instanceof z.ZodObject) {
    if (!(schema.def.catchall instanceof z.ZodNever)) {
      throw new Error(`${where}: every object of a body must be strict (z.strictObject)`);
    }
    const fields: Readonly<Record<string, z.core.$ZodType>> = schema.shape;
    for (const field of Object.values(fields)) requireStrict(field, where);
  } else if (schema instanceof z.ZodArray) {
    requireStrict(schema.element, where);
  } else if (schema instanceof z.ZodPipe) {
    requireStrict(schema.in, where);
  } else if (schema instanceof z.ZodUnion) {
    for (const option of schema.options) requireStrict(option, where);
  } else if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodReadonly
  ) {
    requireStrict(schema.def.innerType, where);
  }
}
