import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const places = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'];

/** The browser that tests of pages drive, or null where none is installed: they are skipped then. */
export function findChromium(): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const candidates = folders.flatMap((folder) => names.map((name) => join(folder, name)));
  return [...candidates, ...places].find((file) => existsSync(file)) ?? null;
}

/**
 * Where a page's picture goes when it is to be taken anew (ORDERFLOW_SCREENSHOTS=1: `npm run docs:screenshot`), or null:
 * pictures differ a little from run to run, so no test compares them.
 */
export function pictureFile(name: string): string | null {
  if (process.env['ORDERFLOW_SCREENSHOTS'] !== '1') return null;
  return fileURLToPath(new URL(`../../../docs/${name}`, import.meta.url));
}
