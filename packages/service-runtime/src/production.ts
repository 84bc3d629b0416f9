/** Passwords that this repository shows to everyone, and the image's own. */
const PUBLISHED_PASSWORDS: ReadonlySet<string> = new Set(['password', 'orderflow-trial', 'postgres']);

/** Issuers of local stacks and examples: whoever asks one gets a token for any user and role. */
const LOCAL_ISSUERS: ReadonlySet<string> = new Set(['orderflow-local', 'https://orderflow.local']);
const LOCAL_HOSTS: ReadonlySet<string> = new Set(['127.0.0.1', '[::1]', 'localhost']);

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What is right for a trial on one machine and open to everyone elsewhere: published passwords and none, a local
 * issuer, keys fetched without TLS. Where backends listen says nothing: a proxy beside the process is on 127.0.0.1 too.
 * @returns a line for each, naming its variable and never its value
 */
export function productionProblems(env: Environment): string[] {
  return [
    ...['DATABASE_URL', 'MIGRATION_DATABASE_URL'].flatMap((name) => passwordProblem(name, env[name])),
    ...(isLocalIssuer(env['JWT_ISSUER'])
      ? ['JWT_ISSUER: is that of a local stack, which gives anyone any role: not with NODE_ENV=production']
      : []),
    ...(env['JWKS_URL']?.startsWith('http:')
      ? ['JWKS_URL: must be https:// with NODE_ENV=production: who can change the keys can make any token']
      : []),
  ];
}

function passwordProblem(name: string, value: string | undefined): string[] {
  if (value === undefined || !URL.canParse(value)) return [];
  const { password } = new URL(value);
  if (password === '') return [`${name}: has no password: not with NODE_ENV=production`];
  if (!PUBLISHED_PASSWORDS.has(password)) return [];
  return [`${name}: has the password of an example: not with NODE_ENV=production`];
}

function isLocalIssuer(issuer = ''): boolean {
  return LOCAL_ISSUERS.has(issuer) || (URL.canParse(issuer) && LOCAL_HOSTS.has(new URL(issuer).hostname));
}
