import { z } from 'zod';
import { jsonId, timeOut, writeTime } from '@orderflow/service-runtime/fields';
import { problem } from '@orderflow/service-runtime/problem';
import type { User } from '../store/users.ts';

export const userShape = z.strictObject({ id: jsonId, name: z.string(), createdAt: timeOut }).meta({
  id: 'User',
  examples: [{ id: 1, name: 'Ada', createdAt: '2026-11-22T10:00:00.250Z' }],
});

export function showUser(user: User): z.input<typeof userShape> {
  return { ...user, createdAt: writeTime(user.createdAt) };
}

export function userNotFound(id: number) {
  return problem('USER_NOT_FOUND', { detail: `there is no user ${id}` });
}
