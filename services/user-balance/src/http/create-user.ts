import { z } from 'zod';
import { name } from '@orderflow/service-runtime/fields';
import { defineRoute } from '@orderflow/service-runtime/route';
import type { Reader } from '../store/reader.ts';
import { insertUser } from '../store/users.ts';
import { showUser, userShape } from './user-shape.ts';

export const createUser = (reader: Reader) =>
  defineRoute({
    method: 'POST',
    path: '/v1/users',
    caller: 'admin',
    operationId: 'createUser',
    summary: 'Creates a user',
    body: z.strictObject({ name: name(50) }).meta({ examples: [{ name: 'Ada' }] }),
    answers: { 201: userShape },
    problems: [],
    async handle({ body }) {
      return { status: 201, body: showUser(await insertUser(reader, body.name)) };
    },
  });
