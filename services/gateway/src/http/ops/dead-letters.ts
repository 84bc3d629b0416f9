import { z } from 'zod';
import { deadLetterContract, deadLettersContract } from '@orderflow/operations/contracts';
import type { deadLetterSchema } from '@orderflow/operations/shapes';
import { deadLettersQuery, SERVICES, type DeadLetterShape, type Service } from '@orderflow/operations/shapes';
import { encodeCursor } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import { askAll, questionOf, type Parts } from './ask-all.ts';
import type { AskService } from './ask-service.ts';

const TIMEOUT_MS = 3_000;

/** By service, in their order: the last id shown, -1 before the first, 0 when nothing is left. */
const placesSchema = z.array(z.int().min(-1)).length(SERVICES.length);
const START: readonly number[] = SERVICES.map(() => -1);

interface Page {
  readonly data: readonly DeadLetterShape[];
  readonly nextCursor: string | null;
}

/** All services' dead letters in one list, each service's in its own order: pages are stable under new ones. */
export const listDeadLetters = (ask: AskService) =>
  defineRoute({
    ...deadLettersContract,
    query: deadLettersQuery(placesSchema),
    async handle(request) {
      const { service, cursor: places = START, limit, ...filter } = request.query;
      const asked = SERVICES.filter(
        (name, at) => (service === undefined || name === service) && places[at] !== 0,
      );
      const targetFor = (name: Service) => targetOf(filter, limit, places[SERVICES.indexOf(name)] ?? -1);
      const pages = await askAll<Page>(
        ask,
        (name) => questionOf(request, { method: 'GET', target: targetFor(name), timeoutMs: TIMEOUT_MS }),
        asked,
      );
      return { status: 200, body: mergePages(pages, places, limit) };
    },
  });

function targetOf(
  filter: Readonly<Record<string, string | boolean | undefined>>,
  limit: number,
  place: number,
): string {
  const query = new URLSearchParams({ limit: String(limit) });
  for (const [name, value] of Object.entries(filter)) {
    if (value !== undefined) query.set(name, String(value));
  }
  if (place > 0) query.set('cursor', encodeCursor(place));
  return `/v1/ops/dead-letters?${query.toString()}`;
}

/** The newest `limit` of several pages. A service that is away keeps its place and makes no further page. */
function mergePages({ parts, unavailable }: Parts<Page>, places: readonly number[], limit: number) {
  const heads = parts.map(({ service, part }) => ({ service, part, taken: 0 }));
  const data: DeadLetterShape[] = [];
  for (;;) {
    const next = heads
      .filter(({ part, taken }) => taken < part.data.length)
      .reduce<(typeof heads)[number] | null>(
        (first, head) => (first && !isNewer(head, first) ? first : head),
        null,
      );
    const letter = next?.part.data[next.taken];
    if (!next || !letter || data.length === limit) break;
    next.taken += 1;
    data.push(letter);
  }
  const moved = [...places];
  let more = false;
  for (const { service, part, taken } of heads) {
    const at = SERVICES.indexOf(service);
    const rest = taken < part.data.length || part.nextCursor !== null;
    more ||= rest;
    moved[at] = rest ? (part.data[taken - 1]?.id ?? places[at] ?? -1) : 0;
  }
  return { data, nextCursor: more ? encodeCursor(moved) : null, unavailable: [...unavailable] };
}

interface Head {
  readonly part: Page;
  readonly taken: number;
}

function isNewer(one: Head, other: Head): boolean {
  return parkedAt(one) > parkedAt(other);
}

/** Times in one format are in order as text. */
function parkedAt({ part, taken }: Head): string {
  return part.data[taken]?.parkedAt ?? '';
}

/** One dead letter, from the service that has it. */
export const readDeadLetter = (ask: AskService) =>
  defineRoute({
    ...deadLetterContract,
    async handle(request) {
      const { service, id } = request.params;
      const target = `/v1/ops/dead-letters/${service}/${id}`;
      const letter = await ask(
        service,
        questionOf(request, { method: 'GET', target, timeoutMs: TIMEOUT_MS }),
      );
      return { status: 200, body: letter as z.output<typeof deadLetterSchema> };
    },
  });
