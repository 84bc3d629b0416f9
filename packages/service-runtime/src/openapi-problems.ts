import { PROBLEMS, problem, toProblemJson, type FieldError, type ProblemCode } from './problem.ts';
import type { JsonSchema } from './openapi-schema.ts';
import type { Route } from './route.ts';

const codesOfAll = Object.keys(PROBLEMS) as ProblemCode[];

/** The schemas that every problem answer refers to. */
export const problemSchemas: Readonly<Record<string, JsonSchema>> = {
  Problem: {
    type: 'object',
    description: 'RFC 9457. Switch on `code`; show `detail`; quote `requestId` when you ask for help.',
    properties: {
      type: { type: 'string', description: 'A URN made from the code.' },
      title: { type: 'string', description: 'The same for every problem of the code.' },
      status: { type: 'integer', description: 'The HTTP status.' },
      code: { $ref: '#/components/schemas/ProblemCode' },
      detail: { type: 'string', description: 'What is wrong with this very request.' },
      requestId: { type: 'string', description: 'As in the header X-Request-Id.' },
      errors: {
        type: 'array',
        items: { $ref: '#/components/schemas/FieldError' },
        description: 'With VALIDATION_FAILED: the fields that are wrong, at least one.',
      },
    },
    required: ['type', 'title', 'status', 'code', 'detail', 'requestId'],
  },
  ProblemCode: { type: 'string', enum: codesOfAll },
  FieldError: {
    type: 'object',
    properties: {
      path: {
        type: 'string',
        description: 'A JSON pointer: into the body (`/items/0/quantity`), or below `/query` or `/path`.',
      },
      code: { type: 'string' },
      message: { type: 'string' },
    },
    required: ['path', 'code', 'message'],
    additionalProperties: false,
  },
};

/** Members that a code's body has besides the standard ones. */
const extensions: Partial<Record<ProblemCode, Readonly<Record<string, JsonSchema>>>> = {
  ALREADY_ISSUED: {
    couponId: {
      type: 'integer',
      format: 'int64',
      examples: [7],
      description: 'With ALREADY_ISSUED: the coupon the user has. A lost 201 is repaired by it.',
    },
  },
};

const wrongAmount: FieldError = {
  path: '/amount',
  code: 'invalid_format',
  message: 'must be a decimal string with at most two decimals, like "12.50"',
};
const unknownParameter: FieldError = {
  path: '/query/sort',
  code: 'unrecognized_keys',
  message: 'is not known',
};

const retryLater = new Set<ProblemCode>([
  'RATE_LIMITED',
  'UNAVAILABLE',
  'SATURATED',
  'IDEMPOTENCY_IN_PROGRESS',
]);

/** Every code the route can answer with: its own, and those that follow from its definition. */
export function problemCodesOf(route: Route): readonly ProblemCode[] {
  const codes: ProblemCode[] = ['VALIDATION_FAILED'];
  if (route.params) codes.push('MALFORMED_REQUEST');
  if (route.body) codes.push('MALFORMED_JSON', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE');
  if (route.idempotent) {
    codes.push('IDEMPOTENCY_KEY_REQUIRED', 'IDEMPOTENCY_IN_PROGRESS', 'IDEMPOTENCY_KEY_REUSED');
  }
  if (route.caller !== 'anyone') codes.push('UNAUTHENTICATED');
  if (route.caller === 'operator' || route.caller === 'admin') codes.push('FORBIDDEN');
  codes.push(...route.problems, 'RATE_LIMITED', 'INTERNAL', 'UNAVAILABLE');
  return codesOfAll.filter((code) => codes.includes(code));
}

/** A name for the answer with these codes: the same codes, the same component. */
export function problemAnswerName(codes: readonly ProblemCode[]): string {
  return codes
    .map((code) =>
      code.toLowerCase().replaceAll(/(^|_)([a-z])/g, (_all, _start, first: string) => first.toUpperCase()),
    )
    .join('Or');
}

/** The answer of one status: its codes, an example of each, and the headers that come with it. */
export function problemAnswer(
  status: number,
  codes: readonly ProblemCode[],
): Readonly<Record<string, unknown>> {
  const more = Object.assign({}, ...codes.map((code) => extensions[code])) as Record<string, JsonSchema>;
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join('\n\n'),
    headers: {
      'X-Request-Id': { $ref: '#/components/headers/X-Request-Id' },
      ...(status === 401 && { 'WWW-Authenticate': { $ref: '#/components/headers/WWW-Authenticate' } }),
      ...(codes.some((code) => retryLater.has(code)) && {
        'Retry-After': { $ref: '#/components/headers/Retry-After' },
      }),
    },
    content: {
      'application/problem+json': {
        schema: {
          allOf: [
            { $ref: '#/components/schemas/Problem' },
            {
              type: 'object',
              properties: { status: { const: status }, code: { enum: [...codes] }, ...more },
              required: ['status', 'code'],
            },
          ],
        },
        examples: Object.fromEntries(
          codes.map((code) => [code, { summary: PROBLEMS[code].title, value: exampleOf(code) }]),
        ),
      },
    },
  };
}

function exampleOf(code: ProblemCode): unknown {
  const { title } = PROBLEMS[code];
  const errors = code === 'VALIDATION_FAILED' ? [wrongAmount, unknownParameter] : undefined;
  const detail = errors
    ? errors.map(({ path, message }) => `${path}: ${message}`).join('; ')
    : title.charAt(0).toLowerCase() + title.slice(1);
  const members = Object.entries(extensions[code] ?? {}).map(([name, schema]) => [
    name,
    (schema['examples'] as unknown[])[0],
  ]);
  const given = problem(code, {
    detail,
    extensions: Object.fromEntries(members) as Record<string, unknown>,
    ...(errors ? { errors } : {}),
  });
  return toProblemJson(given, '4f6c1b1e-6d0f-4a53-9b0c-0a3f6f1f2f10');
}
