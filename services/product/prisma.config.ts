import { defineConfig } from 'prisma/config';

// `prisma generate` asks for the schema engine without using it; naming any file keeps it from fetching one.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= process.execPath;

export default defineConfig({ schema: 'prisma/schema.prisma', migrations: { path: 'prisma/migrations' } });
