import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { INVARIANT_IDS } from '@orderflow/local/reconcile/invariants';
import { REASONS } from '@orderflow/shared-events/order-so-far';
import { sagaMap } from '@orderflow/shared-events/saga-map';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

describe('the README', () => {
  it('shows the saga as the contracts have it', () => {
    const [, picture] = /```mermaid\n([\s\S]*?)```/.exec(readme) ?? [];
    expect(picture).toBe(sagaMap());
  });

  it('lists the invariants that the reconciliation checks', () => {
    expect([...readme.matchAll(/^\| (I\d+) +\|/gm)].map(([, id]) => id)).toEqual(INVARIANT_IDS);
  });

  it('names only folders and files that are there', () => {
    const paths = [...readme.matchAll(/\]\(([^)#]+)\)/g)].map(([, path]) => path!);
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) {
      const url = new URL(`../../${path}${path.endsWith('.md') ? '' : '/README.md'}`, import.meta.url);
      expect(readFileSync(url, 'utf8')).not.toBe('');
    }
  });
});

describe('the page of client developers', () => {
  const page = readFileSync(new URL('../../docs/client-developers.md', import.meta.url), 'utf8');

  it('says of every reason what to do', () => {
    expect([...page.matchAll(/^\| `([A-Z_]+)` +\|/gm)].map(([, reason]) => reason)).toEqual(REASONS);
  });

  it('links only to files and headings that are there', () => {
    const links = [...page.matchAll(/\]\(([^)]+)\)/g)].map(([, link]) => link!);
    const headings = [...page.matchAll(/^## (.+)$/gm)].map(
      ([, heading]) =>
        `#${heading!
          .toLowerCase()
          .replaceAll(/[^a-z ]/g, '')
          .replaceAll(' ', '-')}`,
    );
    for (const link of links) {
      if (link.startsWith('#')) expect(headings).toContain(link);
      else expect(readFileSync(new URL(`../../docs/${link}`, import.meta.url))).not.toHaveLength(0);
    }
  });
});
