import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { EVENTS } from './catalog.ts';
import { wireType } from './contract.ts';
import { decodeMessage, encodeMessage } from './envelope.ts';
import { jsonSchemaOf } from './json-schema.ts';

interface Golden {
  readonly key: string;
  readonly headers: Record<string, string>;
  readonly data: Record<string, unknown>;
}

const folder = new URL('../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, folder), 'utf8');
const golden = (type: string) => JSON.parse(read(`golden/${type}.json`)) as Golden;

describe.each(EVENTS.map((contract) => [wireType(contract), contract] as const))('%s', (type, contract) => {
  it('reads its golden example, and writes the same bytes again', () => {
    const { key, headers, data } = golden(type);
    const value = JSON.stringify(data);
    const decoded = decodeMessage(contract, { key: Buffer.from(key), value: Buffer.from(value), headers });
    if (!decoded.ok) throw new Error(decoded.error);
    expect(decoded.event).toMatchObject({
      id: headers['ce_id'],
      type: contract.type,
      traceparent: headers['traceparent'],
    });
    const again = encodeMessage(contract, decoded.event.data, {
      time: new Date(headers['ce_time'] ?? ''),
      causationId: headers['ce_causationid'] ?? null,
      traceparent: decoded.event.traceparent,
    });
    // As text: the order of keys and headers is part of "the same bytes".
    expect(JSON.stringify(again)).toBe(JSON.stringify({ topic: contract.topic, key, value, headers }));
  });

  it('has its current JSON Schema under the name that its messages give', () => {
    const path = golden(type).headers['ce_dataschema'] ?? '';
    // `npm run schemas -w @orderflow/shared-events` writes them.
    expect(JSON.parse(read(`.${path}`))).toEqual(jsonSchemaOf(contract));
  });
});

describe('the golden examples', () => {
  it('are never edited, only added', () => {
    const sums = readdirSync(new URL('golden/', folder))
      .filter((name) => name.endsWith('.json'))
      .map(
        (name) =>
          `${createHash('sha256')
            .update(read(`golden/${name}`))
            .digest('hex')}  ${name}`,
      );
    expect(sums.sort()).toEqual(read('golden/SHA256SUMS').trimEnd().split('\n').sort());
  });

  it('are those of the catalog and of versions before, and so are the schemas', () => {
    const types = EVENTS.map((contract) => `${wireType(contract)}.json`);
    expect(readdirSync(new URL('golden/', folder))).toEqual(expect.arrayContaining(types));
    expect(readdirSync(new URL('schemas/', folder))).toEqual(expect.arrayContaining(types));
  });
});
