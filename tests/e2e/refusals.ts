import { isProblemCode, statusOf } from '../bad-input/request-case.ts';
import type { ProblemCode } from '@orderflow/service-runtime/problem';
import type { BareAnswer } from './bare-http.ts';

/** What an answer must never tell: stacks, statements, libraries, where files lie. */
const LEAKS: readonly RegExp[] = [
  /\bat .*\.[cm]?[jt]s:\d/,
  /node_modules|node:internal/,
  /prisma/i,
  /\b(SELECT|INSERT INTO|DELETE FROM)\b|\bUPDATE \w+ SET\b/,
  /relation "|column "|constraint "|syntax error at or near/,
  /(TypeError|RangeError|ReferenceError|SyntaxError|ZodError|AssertionError)/,
  /ECONN|EPIPE|ENOENT/,
  /\/(home|tmp|usr|var|work|app)\//,
];

interface Problem {
  readonly type?: unknown;
  readonly title?: unknown;
  readonly status?: unknown;
  readonly code?: unknown;
  readonly detail?: unknown;
  readonly requestId?: unknown;
  readonly errors?: ReadonlyArray<{ path?: unknown; code?: unknown; message?: unknown }>;
}

/** What is wrong with a refusal, in one sentence; null when nothing is. */
export function faultOf(answer: BareAnswer, codes: readonly ProblemCode[], pointer?: string): string | null {
  const { status, headers, body } = answer;
  if (!headers['content-type']?.startsWith('application/problem+json')) {
    return `${status} is ${headers['content-type'] ?? 'nothing'}, no problem: ${body.slice(0, 100)}`;
  }
  let problem: Problem;
  try {
    problem = JSON.parse(body) as Problem;
  } catch {
    return `the body is no JSON: ${body.slice(0, 100)}`;
  }
  const { code } = problem;
  if (!isProblemCode(code) || !codes.includes(code)) {
    return `${status} ${String(code)} (${String(problem.detail).slice(0, 150)}), not ${codes.join(' or ')}`;
  }
  if (status !== statusOf(code) || problem.status !== status) return `${code} with status ${status}`;
  return faultOfMembers(problem, headers, pointer) ?? leakOf(problem);
}

function faultOfMembers(problem: Problem, headers: BareAnswer['headers'], pointer?: string): string | null {
  const { type, title, detail, requestId, code, errors } = problem;
  for (const [name, text] of Object.entries({ type, title, detail, requestId })) {
    if (typeof text !== 'string' || text === '') return `no ${name}`;
  }
  if (requestId !== headers['x-request-id']) {
    return `request id ${String(requestId)}, but ${String(headers['x-request-id'])} in the header`;
  }
  if (code === 'METHOD_NOT_ALLOWED' && !headers['allow']) return 'no Allow';
  if (code === 'UNAUTHENTICATED' && !headers['www-authenticate']) return 'no WWW-Authenticate';
  if (code !== 'VALIDATION_FAILED') return null;
  const paths = (errors ?? []).map(({ path }) => path);
  const whole = (errors ?? []).every(
    ({ path, code: kind, message }) =>
      typeof path === 'string' && typeof kind === 'string' && typeof message === 'string',
  );
  if (paths.length === 0 || !whole) return 'VALIDATION_FAILED without its errors';
  if (pointer !== undefined && !paths.some((path) => String(path).startsWith(pointer))) {
    return `errors at ${paths.join(', ').slice(0, 200)}, none at ${pointer}`;
  }
  return null;
}

function leakOf({ errors = [], ...problem }: Problem): string | null {
  // The pointers repeat names that the caller has sent.
  const told = [...Object.values(problem), ...errors.map(({ message }) => message)].map(String).join('\n');
  const leak = LEAKS.find((pattern) => pattern.test(told));
  return leak ? `tells ${String(leak)}: ${told.slice(0, 300)}` : null;
}
