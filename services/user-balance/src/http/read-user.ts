import { z } from 'zod';
import { pathId } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import type { Reader } from '../store/reader.ts';
import { findUser } from '../store/users.ts';
import { showUser, userNotFound, userShape } from './user-shape.ts';

export const readUser = (reader: Reader) =>
  defineRoute({
    method: 'GET',
    path: '/v1/users/{id}',
    caller: 'user',
    operationId: 'getUser',
    summary: 'Shows a user to themselves and to admins',
    params: z.strictObject({ id: pathId }),
    answers: { 200: userShape },
    problems: ['USER_NOT_FOUND'],
    async handle({ caller, params: { id } }) {
      const allowed = caller.userId === id || caller.roles.has('admin');
      const user = allowed ? await findUser(reader, id) : null;
      if (!user) throw userNotFound(id);
      return { status: 200, body: showUser(user) };
    },
  });
