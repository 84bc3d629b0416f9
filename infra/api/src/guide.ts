import { PROBLEMS } from '@orderflow/service-runtime/problem';

/** What holds for every route, as the document's description (Markdown). */
export function guide(): string {
  return `${conventions}\n\n## Problem codes\n\n${codes()}\n`;
}

const conventions = `
Orders that go through stock, coupons, balances and payment, and leave each of them exact.

## Tokens

Send \`Authorization: Bearer …\`. The token names the user; what belongs to another user is a 404. Some routes need the role
\`operator\` or \`admin\` (an admin is an operator too); others answer 403 to callers without it. A local stack hands out tokens
at \`POST /v1/auth/token\`.

## Formats

- JSON in and out, camelCase, UTF-8. Absent values are \`null\`. Unknown fields and unknown query parameters are refused.
- Money is a string: \`"12"\`, \`"12.5"\` and \`"12.50"\` are read, \`"12.50"\` is written. Nothing is rounded.
- Times are ISO 8601 in UTC with three decimals: \`2026-11-22T10:00:00.250Z\`. Days are \`2026-11-22\`.
- Ids are whole numbers from 1 to 2^53 − 1. Lengths of text are counted in characters after trimming.

## Lists

\`{ "data": […], "nextCursor": "…" }\`. Send \`nextCursor\` back as \`cursor\` for the next page; it is null on the last one. What is
added meanwhile never makes a row appear twice or vanish from the pages.

## Writing once

Routes that take an \`Idempotency-Key\` act once per key, whatever happens on the way: send the same request with the same key
again and you get the first answer, with \`Idempotency-Replayed: true\`. A key belongs to its user and route and lives 7 days.
Only successful answers are kept: a refused request is decided anew. The same key with another body is a 422.

## An order's end

\`POST /v1/orders\` answers 202 as soon as the order is accepted; it ends as PAID or CANCELLED, mostly within a second. Wait for
that with \`Prefer: wait=5\`, follow it at \`GET /v1/orders/{id}/stream\`, or read the order. A cancelled order says why in
\`failureReason\`. One that was refused early can have no prices, and a coupon or stock that a cancelled order held is free again
only once that order is CANCELLED.

## Errors

\`application/problem+json\` (RFC 9457) with a stable \`code\`; VALIDATION_FAILED lists the fields in \`errors\`. Any request can also
meet ROUTE_NOT_FOUND, METHOD_NOT_ALLOWED (with \`Allow\`), REQUEST_TIMEOUT and HEADERS_TOO_LARGE.

## Trying again

| | |
|---|---|
| no answer, 503, 500 | reads: again. Writes with a key: again with the same key. Other writes: look first whether they happened. |
| 429, 503, 409 IDEMPOTENCY_IN_PROGRESS | after \`Retry-After\` seconds, the same request |
| other 4xx | not before something has changed |
| an order that was CANCELLED | a new order with a new key, once the cause is gone |

## Limits

Requests are counted per user and per address; \`RateLimit\` and \`RateLimit-Policy\` tell what is left. Bodies may have 32 KB.
`.trim();

function codes(): string {
  const rows = Object.entries(PROBLEMS).map(
    ([code, { status, title }]) => `| ${code} | ${status} | ${title} |`,
  );
  return ['| code | status | |', '|---|---|---|', ...rows].join('\n');
}
