import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { ApiDocument } from '@orderflow/service-runtime/openapi';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { describeApi, documentFile, documentText } from './api-document.ts';

interface Media {
  readonly schema: object;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value: unknown }>>;
}

describe('the API document', () => {
  let document: ApiDocument;
  beforeAll(async () => {
    document = await describeApi();
  });

  /** Every media type with an example, by the way that leads to it. */
  function mediaTypes(value: unknown, path: string): [string, Media][] {
    if (typeof value !== 'object' || value === null) return [];
    return Object.entries(value).flatMap(([key, part]): [string, Media][] => {
      const here = `${path}/${key}`;
      if (key === 'application/json' || key === 'application/problem+json') return [[here, part as Media]];
      return mediaTypes(part, here);
    });
  }

  it('is what the routes say now (else: npm run api:write)', () => {
    expect(readFileSync(documentFile, 'utf8')).toBe(documentText(document));
  });

  it('is valid OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(structuredClone(document));
    expect({ valid, errors }).toEqual({ valid: true, errors: undefined });
  });

  it('shows examples that its own schemas accept, each body with one', () => {
    const ajv = new Ajv2020({ strict: false, allErrors: true });
    addFormats.default(ajv);
    ajv.addSchema({ $id: 'api', ...document });
    const media = mediaTypes(document, '');
    const wrong = media.flatMap(([path, { schema, example, examples }]) => {
      const values = examples ? Object.values(examples).map(({ value }) => value) : [example];
      const check = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"api#/')) as object);
      return values.filter((value) => !check(value)).map(() => [path, check.errors]);
    });
    expect(wrong).toEqual([]);
    expect(media.length).toBeGreaterThan(60);
  });

  it('names every route once, verb first, in camelCase', () => {
    const ids = Object.values(document.paths).flatMap((path) =>
      Object.values(path).map((operation) => (operation as { operationId: string }).operationId),
    );
    expect(ids.filter((id) => !/^[a-z]+([A-Z][a-z]+)*$/.test(id))).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
