/**
 * The path and query a request asks for, as every reader of it must see them: without the scheme and authority that a
 * caller may put before them (absolute-form, RFC 9112, 3.2.2).
 * @returns null for what is no request target: a fragment in it, another scheme, no path at all. `*` stays as it is
 */
export function originForm(target: string): string | null {
  // Routers cut a fragment off, patterns over the whole target do not: what one calls public the other may not.
  if (target.includes('#')) return null;
  if (target.startsWith('/') || target === '*') return target;
  const path = /^https?:\/\/[^/?]+(.*)$/i.exec(target)?.[1];
  if (path === undefined) return null;
  return path.startsWith('/') ? path : `/${path}`;
}
