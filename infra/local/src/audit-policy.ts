const SEVERITIES = ['info', 'low', 'moderate', 'high', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** From which severity on a known hole must be closed: in what runs, and in what only builds and tests. */
const FAILS_FROM: Readonly<Record<'runtime' | 'development', Severity>> = {
  runtime: 'high',
  development: 'critical',
};

/** A hole that the registry knows of in an installed package. */
export interface Advisory {
  /** `GHSA-…` where it has one, else npm's number. */
  readonly id: string;
  readonly package: string;
  readonly severity: Severity;
  readonly title: string;
}

/** A line of audit-exceptions.json. */
export interface AuditException {
  readonly advisory: string;
  /** Why it does no harm here, or what is waited for. */
  readonly reason: string;
  /** The last day, as 2026-12-31: an exception is for a while. */
  readonly until: string;
}

/** What `npm audit --json` says, or why it could say nothing. */
export type AuditReport = { readonly advisories: readonly Advisory[] } | { readonly unavailable: string };

interface RawReport {
  readonly message?: string;
  readonly error?: { readonly summary?: string; readonly code?: string };
  readonly vulnerabilities?: Readonly<Record<string, { readonly via: ReadonlyArray<string | RawAdvisory> }>>;
}

interface RawAdvisory {
  readonly source: number;
  readonly name: string;
  readonly title: string;
  readonly url: string;
  readonly severity: Severity;
}

/** Reads the output of `npm audit --json` (npm 7 and later). A package that only leads to others has no advisory. */
export function readAudit(text: string): AuditReport {
  let report: RawReport;
  try {
    report = JSON.parse(text) as RawReport;
  } catch {
    return { unavailable: text.trim().slice(0, 200) || 'npm audit says nothing' };
  }
  if (!report.vulnerabilities) {
    const { error, message } = report;
    return { unavailable: error?.summary || message || error?.code || 'npm audit says nothing of packages' };
  }
  const found = Object.values(report.vulnerabilities).flatMap(({ via }) =>
    via.filter((one) => typeof one !== 'string'),
  );
  const advisories = found.map(({ source, url, name, severity, title }): Advisory => {
    return { id: /GHSA-[\w-]+/.exec(url)?.[0] ?? String(source), package: name, severity, title };
  });
  return { advisories: [...new Map(advisories.map((one) => [`${one.id} ${one.package}`, one])).values()] };
}

export interface Judgement {
  /** Why the check fails; empty when it passes. */
  readonly failures: readonly string[];
  /** What was found and is borne with. */
  readonly borne: readonly string[];
}

/**
 * Holds what was found to the policy.
 * @param runtime advisories of what runs; those of `all` besides them are of what builds and tests
 * @param today as 2026-12-31
 */
export function judgeAudit(
  runtime: readonly Advisory[],
  all: readonly Advisory[],
  exceptions: readonly AuditException[],
  today: string,
): Judgement {
  const running = new Set(runtime.map(({ id }) => id));
  const failures: string[] = [];
  const borne: string[] = [];
  for (const { id, package: name, severity, title } of all) {
    const part = running.has(id) ? 'runtime' : 'development';
    const line = `${id} ${severity} in ${name} (${part}): ${title}`;
    const exception = exceptions.find(({ advisory }) => advisory === id);
    if (SEVERITIES.indexOf(severity) < SEVERITIES.indexOf(FAILS_FROM[part])) borne.push(line);
    else if (!exception) failures.push(line);
    else if (exception.until < today)
      failures.push(`${line}; its exception ended on ${exception.until}: ${exception.reason}`);
    else borne.push(`${line}; until ${exception.until}: ${exception.reason}`);
  }
  const idle = exceptions.filter(({ advisory }) => !all.some(({ id }) => id === advisory));
  failures.push(...idle.map(({ advisory }) => `the exception for ${advisory} meets nothing: remove it`));
  return { failures, borne };
}
