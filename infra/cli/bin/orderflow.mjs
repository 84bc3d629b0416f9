#!/usr/bin/env node
// Linked by npm before anything is built, so it says what to do when it comes too early.
import { existsSync } from 'node:fs';

const main = new URL('../dist/main.js', import.meta.url);
if (existsSync(main)) await import(main.href);
else {
  console.error('orderflow is not built yet: run npm start, or npm run build');
  process.exitCode = 69;
}
