// Writes schemas/<type>.vN.json of every event: `npm run schemas -w @orderflow/shared-events`.
import { mkdirSync, writeFileSync } from 'node:fs';
import { EVENTS } from '../dist/catalog.js';
import { wireType } from '../dist/contract.js';
import { jsonSchemaOf } from '../dist/json-schema.js';

const folder = new URL('../schemas/', import.meta.url);
mkdirSync(folder, { recursive: true });
for (const contract of EVENTS) {
  const path = new URL(`${wireType(contract)}.json`, folder);
  writeFileSync(path, `${JSON.stringify(jsonSchemaOf(contract), null, 2)}\n`);
}
