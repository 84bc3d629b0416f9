import { expect } from '@jest/globals';
import type { Asking, Told } from './api-asking.ts';

export const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** A user, known to the user-balance service. */
export async function person(asking: Asking): Promise<{ id: number; token: string }> {
  const admin = await asking.token(1, 'admin');
  const { body } = await asking.expect('createUser', { token: admin, body: { name: 'Ada' } }, 201);
  const id = Number(body['id']);
  return { id, token: await asking.token(id) };
}

export async function product(asking: Asking, quantity = 100): Promise<number> {
  const token = await asking.token(1, 'admin');
  const body = { name: 'Tea', description: 'Green', price: '12.50', quantity };
  return Number((await asking.expect('createProduct', { token, body }, 201)).body['id']);
}

export function ids(told: Told): number[] {
  return (told.body.data ?? []).map(({ id }) => Number(id));
}

/** The query of a list by id that begins at this id. */
export function beginningAt(id: number): { readonly cursor?: string } {
  return id === 1 ? {} : { cursor: Buffer.from(JSON.stringify(id - 1)).toString('base64url') };
}

/** Reads a list in pages of two while rows are added between them: none comes twice, none of the first is missing. */
export async function expectStablePages(
  asking: Asking,
  operationId: string,
  question: { readonly token?: string; readonly query?: Readonly<Record<string, string>> },
  add: () => Promise<unknown>,
  order: 'ascending' | 'descending',
): Promise<void> {
  const before = await asking.expect(
    operationId,
    { ...question, query: { ...question.query, limit: 100 } },
    200,
  );
  const seen: number[] = [];
  let query: Record<string, string | number> = { ...question.query, limit: 2 };
  for (let page = 0; page < 60; page += 1) {
    const told = await asking.expect(operationId, { ...question, query }, 200);
    seen.push(...ids(told));
    const cursor = told.body['nextCursor'];
    if (typeof cursor !== 'string') break;
    if (page < 3) await add();
    query = { limit: 2, cursor };
  }
  const sorted = [...new Set(seen)].sort((a, b) => (order === 'ascending' ? a - b : b - a));
  expect(seen).toEqual(sorted);
  expect(ids(before).filter((id) => !seen.includes(id))).toEqual([]);
}
