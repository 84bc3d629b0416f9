import type { z } from 'zod';
import { openDeadLetters } from '@orderflow/messaging/dead-letter-desk';
import { problem } from '@orderflow/service-runtime/problem';
import type { Operated } from '../operated.ts';
import { CHOSEN_MAX, type discardRequest } from '../shapes.ts';

type Choice = Pick<z.output<typeof discardRequest>, 'service' | 'ids' | 'filter' | 'after'>;

export interface Refusal {
  readonly id: number;
  readonly code: string;
  readonly why: string;
}

export interface Chosen {
  /** Open dead letters that the request names or matches, these and later ones. */
  readonly matched: number;
  /** Those of this request, oldest first. */
  readonly letters: readonly { readonly id: number; readonly step: string }[];
  /** Named ones that are not there, or not open. */
  readonly missing: readonly Refusal[];
}

/**
 * The open dead letters that a request is about.
 * @throws Problem DEAD_LETTER_NOT_FOUND when it names only one, and that is not there; another service's are never
 */
export async function chooseDeadLetters(
  { service, kit }: Operated,
  { service: asked, ids, filter, after }: Choice,
): Promise<Chosen> {
  if (asked !== service) {
    const detail = `this is the ${service} service; it has no dead letters of ${asked}`;
    throw problem('DEAD_LETTER_NOT_FOUND', { detail });
  }
  const { total, letters } = await openDeadLetters(kit.pool, { ...filter, ids, after, limit: CHOSEN_MAX });
  const found = new Set(letters.map(({ id }) => id));
  const missing = (ids ?? [])
    .filter((id) => !found.has(id) && id > (after ?? 0))
    .map((id) => ({ id, code: 'DEAD_LETTER_NOT_FOUND', why: `there is no open dead letter ${id}` }));
  if (ids?.length === 1 && missing[0]) {
    throw problem('DEAD_LETTER_NOT_FOUND', { detail: missing[0].why });
  }
  return { matched: total, letters, missing };
}

/** How far a request came: `done` of the letters, in their order. */
export function progressOf({ matched, letters }: Chosen, done: number) {
  const remaining = matched - done;
  return { matched, remaining, nextAfter: remaining > 0 ? (letters[done - 1]?.id ?? null) : null };
}
