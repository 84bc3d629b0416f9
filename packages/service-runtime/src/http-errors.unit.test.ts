import { describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { z } from 'zod';
import { createHttpApp } from './http-app.ts';
import { createLogger } from './logger.ts';
import { createMetrics } from './metrics.ts';
import { problem } from './problem.ts';
import { defineRoute } from './route.ts';

/** An app with one route, whose handle is given. */
function appWith(
  handle: () => Promise<{ status: 200; body: string }>,
  lines: string[] = [],
  checkAnswers = false,
) {
  const route = defineRoute({
    method: 'GET',
    path: '/v1/thing',
    caller: 'anyone',
    summary: 'A thing',
    answers: { 200: z.string() },
    problems: [],
    handle,
  });
  const destination = { write: (line: string) => void lines.push(line) };
  return createHttpApp({
    routes: [route],
    checkAnswers,
    verifyToken: () => Promise.reject(problem('UNAUTHENTICATED', { detail: 'nobody' })),
    logger: createLogger({ service: 'test', level: 'info', destination }),
    metrics: createMetrics('test'),
  });
}

const failing = (error: Error, lines?: string[]) =>
  request(appWith(() => Promise.reject(error), lines)).get('/v1/thing');

describe('an error nobody planned', () => {
  it('tells the caller nothing but the request id, and the log all', async () => {
    const lines: string[] = [];
    const answer = await failing(new Error('column "secret" of postgres://app:pw@db/x'), lines);
    expect(answer.body).toMatchObject({ status: 500, code: 'INTERNAL' });
    expect(answer.text).not.toMatch(/secret|stack|postgres/);
    const [line = ''] = lines;
    expect(line).toContain('column \\"secret\\"');
    expect(line).toContain(String(answer.headers['x-request-id']));
    expect(line).not.toContain(':pw@');
  });

  it('is a 503 with Retry-After when a backend is away', async () => {
    const answer = await failing(Object.assign(new Error('gone'), { code: '57P01' }));
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '1']);
    expect(answer.body).toMatchObject({ code: 'UNAVAILABLE' });
  });

  it('is an answer that breaks its schema, where answers are checked', async () => {
    const wrong = () => Promise.resolve({ status: 200, body: 5 as unknown as string } as const);
    await request(appWith(wrong, [], true))
      .get('/v1/thing')
      .expect(500);
    await request(appWith(wrong)).get('/v1/thing').expect(200, '5');
  });
});

describe('the log', () => {
  it('has no line for an ordinary request', async () => {
    const lines: string[] = [];
    await request(appWith(() => Promise.resolve({ status: 200, body: 'fine' }), lines))
      .get('/v1/thing')
      .expect(200);
    expect(lines).toEqual([]);
  });
});
