import { describe, expect, it } from '@jest/globals';
import { createLogger } from '@orderflow/service-runtime/logger';
import request from 'supertest';
import { createFront } from './front.ts';

const logger = createLogger({ service: 'gateway', level: 'silent' });

describe('what every request of the door passes', () => {
  it('is the given steps in their order, then the rest', async () => {
    const passed: string[] = [];
    const step = (name: string) => (_request: unknown, _response: unknown, next: () => void) => {
      passed.push(name);
      next();
    };
    const front = createFront(
      ['*'],
      [step('first'), step('second')],
      (_, response) => response.end('rest'),
      logger,
    );
    const { headers } = await request(front).get('/').expect(200, 'rest');
    expect(passed).toEqual(['first', 'second']);
    expect(headers).toMatchObject({
      'access-control-allow-origin': '*',
      'x-content-type-options': 'nosniff',
      'x-request-id': expect.stringMatching(/^[\w-]{36}$/),
    });
  });

  it('ends with the step that answers', async () => {
    const front = createFront(
      ['*'],
      [(_, response) => response.end('answered')],
      () => {
        throw new Error('the rest was asked');
      },
      logger,
    );
    await request(front).get('/').expect(200, 'answered');
  });

  it('ends with the step that fails, and tells nobody but the log why', async () => {
    const failing = (_request: unknown, _response: unknown, next: (error?: unknown) => void) => {
      next(new Error('password wrong'));
    };
    const front = createFront(['*'], [failing], (_, response) => response.end('rest'), logger);
    const { body, text } = await request(front).get('/').expect(500);
    expect(body).toMatchObject({ code: 'INTERNAL', status: 500 });
    expect(text).not.toContain('password');
  });
});
