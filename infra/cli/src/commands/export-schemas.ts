import { mkdir, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { readFile } from 'node:fs/promises';
import { EVENTS } from '@orderflow/shared-events/catalog';
import { wireType } from '@orderflow/shared-events/contract';
import { jsonSchemaOf } from '@orderflow/shared-events/json-schema';
import { show, type Screen } from '../screen.ts';

const require = createRequire(import.meta.url);

/** Writes the JSON Schema of every event, and the OpenAPI document of the API. */
export async function exportSchemas(directory: string, screen: Screen): Promise<number> {
  const folder = resolve(directory);
  await mkdir(folder, { recursive: true });
  const files = EVENTS.map((event) => `${wireType(event)}.json`);
  await Promise.all(
    EVENTS.map((event) =>
      writeFile(join(folder, `${wireType(event)}.json`), `${JSON.stringify(jsonSchemaOf(event), null, 2)}\n`),
    ),
  );
  await writeFile(
    join(folder, 'openapi.json'),
    await readFile(require.resolve('@orderflow/client/openapi.json')),
  );
  files.push('openapi.json');
  show(screen, { folder, files }, () => [
    `${files.length} files in ${folder}`,
    ...files.map((file) => `  ${file}`),
  ]);
  return 0;
}
