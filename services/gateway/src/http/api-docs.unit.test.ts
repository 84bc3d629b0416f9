import { beforeAll, describe, expect, it } from '@jest/globals';
import { createLogger } from '@orderflow/service-runtime/logger';
import express, { type Express } from 'express';
import request from 'supertest';
import { apiDocs } from './api-docs.ts';

describe('the API docs', () => {
  let app: Express;
  beforeAll(() => {
    app = express().use(apiDocs(createLogger({ service: 'gateway', level: 'silent' })));
  });

  it('show the document to anyone, and again only when it has changed', async () => {
    const { body, headers } = await request(app)
      .get('/openapi.json')
      .expect(200)
      .expect('Content-Type', /^application\/json/);
    expect(body).toMatchObject({ openapi: '3.1.0', servers: [{ url: '/' }] });
    const tag = String(headers['etag']);
    await request(app).get('/openapi.json').set('If-None-Match', tag).expect(304);
  });

  it('are a page that loads everything from its own origin', async () => {
    const page = await request(app)
      .get('/docs')
      .expect(200)
      .expect('Content-Type', /^text\/html/);
    const loaded = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => String(url));
    expect(loaded).toHaveLength(4);
    for (const url of loaded) {
      expect(url).toMatch(/^\/docs\//);
      await request(app).get(url).expect(200);
    }
    expect(page.text).not.toMatch(/<script(?![^>]* src=)/);
  });

  it('are a page that may run nothing but its own scripts and ask nobody but its own origin', async () => {
    const { headers } = await request(app).get('/docs');
    const policy = String(headers['content-security-policy']).split(';');
    expect(policy).toEqual(
      expect.arrayContaining(["default-src 'none'", "script-src 'self'", "connect-src 'self'"]),
    );
    expect(policy.join()).not.toMatch(/unsafe-eval|https?:/);
  });

  it('cannot be written to', async () => {
    const given = await request(app).post('/docs').expect(405).expect('Allow', 'GET, HEAD');
    expect(given.body).toMatchObject({ code: 'METHOD_NOT_ALLOWED' });
    await request(app).head('/docs').expect(200);
  });

  it('hold no other file', async () => {
    for (const path of ['/docs/', '/docs/index.html', '/docs/..%2fopenapi.json', '/docs/swagger-ui.js']) {
      await request(app).get(path).expect(404);
    }
  });
});
