import { expect } from '@jest/globals';
import { differences, operations, type Operation } from './api-document.ts';
import type { RunningStack } from '@orderflow/testing/running-stack';

/** A request to one operation of the document. What is absent is the documented example; null is left out. */
export interface Question {
  readonly token?: string | null;
  readonly path?: Readonly<Record<string, string | number>>;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: unknown;
  /** A body that is not JSON. */
  readonly rawBody?: string;
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Ask this service itself instead of the gateway. */
  readonly door?: string;
}

export interface Told {
  readonly status: number;
  readonly headers: Headers;
  /** Parsed JSON; the text of a stream. */
  readonly body: Readonly<Record<string, unknown>> & { readonly data?: readonly Record<string, unknown>[] };
  readonly text: string;
}

const LIMIT_MS = 20_000;

/** Asks operations of the document by their id, holds each answer to it, and remembers what came. */
export class Asking {
  /** `placeOrder 201`, `placeOrder 400 DUPLICATE_PRODUCT` */
  readonly heard = new Set<string>();
  readonly #stack: () => RunningStack;
  readonly #tokens = new Map<string, Promise<string>>();
  #keys = 0;

  constructor(stack: () => RunningStack) {
    this.#stack = stack;
  }

  /** A token of the running stack; kept. */
  token(userId: number, ...roles: ('operator' | 'admin')[]): Promise<string> {
    const name = `${userId} ${roles.join()}`;
    const known = this.#tokens.get(name) ?? this.#newToken(userId, roles);
    this.#tokens.set(name, known);
    return known;
  }

  async #newToken(userId: number, roles: readonly string[]): Promise<string> {
    const answer = await fetch(`${this.#stack().current().gateway}/v1/auth/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ userId, roles }),
    });
    return ((await answer.json()) as { accessToken: string }).accessToken;
  }

  /** Sends a question. Fails when the answer differs from the document. */
  async ask(operationId: string, question: Question = {}): Promise<Told> {
    const operation = operations.get(operationId);
    if (!operation) throw new Error(`no operation ${operationId}`);
    const response = await this.#send(operation, question);
    const text = await response.text();
    expect({ operationId, differences: differences(operation, response, text) }).toEqual({
      operationId,
      differences: [],
    });
    const json = response.headers.get('content-type')?.includes('json') === true && text !== '';
    const body = (json ? JSON.parse(text) : {}) as Told['body'];
    this.heard.add([operationId, response.status, ...(response.ok ? [] : [body['code']])].join(' '));
    return { status: response.status, headers: response.headers, body, text };
  }

  /** Asks, and expects this status and, for a problem, this code. */
  async expect(operationId: string, question: Question, status: number, code?: string): Promise<Told> {
    const told = await this.ask(operationId, question);
    const found = {
      operationId,
      status: told.status,
      code: told.status < 400 ? undefined : told.body['code'],
    };
    expect(found).toEqual({ operationId, status, code });
    return told;
  }

  #send(operation: Operation, question: Question): Promise<Response> {
    const { method, parameters } = operation;
    const example = (name: string) => parameters.find((given) => given.name === name)?.example;
    const path = operation.path.replaceAll(/\{(\w+)\}/g, (_all, name: string) =>
      String(question.path?.[name] ?? example(name)),
    );
    const query = new URLSearchParams(
      Object.entries(question.query ?? {}).map(([name, value]): [string, string] => [name, String(value)]),
    );
    const body =
      question.rawBody ??
      (operation.body === undefined ? undefined : JSON.stringify(question.body ?? operation.body));
    const keyed = parameters.some(({ name }) => name === 'Idempotency-Key');
    const { token = null } = question;
    return fetch(
      `${question.door ?? this.#stack().current().gateway}${path}${query.size > 0 ? `?${query.toString()}` : ''}`,
      {
        method,
        headers: {
          ...(token !== null && { authorization: `Bearer ${token}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...(keyed && { 'Idempotency-Key': question.key ?? `asking-${(this.#keys += 1)}-${Date.now()}` }),
          ...question.headers,
        },
        ...(body !== undefined && { body }),
        signal: AbortSignal.timeout(LIMIT_MS),
      },
    );
  }
}

/** Every answer that the document lists, as `Asking.heard` names them. */
export function documentedAnswers(): string[] {
  return [...operations.values()].flatMap(({ operationId, responses }) =>
    Object.entries(responses).flatMap(([status, { content }]) => {
      const problem = content?.['application/problem+json'];
      if (!problem) return [`${operationId} ${status}`];
      return codesOf(problem.schema).map((code) => `${operationId} ${status} ${code}`);
    }),
  );
}

/** The codes that a documented problem may have: the enum in whatever part of its schema names one. */
function codesOf(schema: object): string[] {
  const found = /"code":\{[^{}]*"enum":\[([^\]]*)\]/.exec(JSON.stringify(schema))?.[1];
  return found === undefined ? [] : (JSON.parse(`[${found}]`) as string[]);
}
