/** The part of V8's `.cpuprofile` that is read here. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  /** Ids of nodes, one a sample. */
  readonly samples: readonly number[];
  /** Time since the sample before, µs. */
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

/** `decodeMessage shared-events/dist/envelope.js:29`, `(garbage collector)`. */
function nameOf({ callFrame: { functionName, url, lineNumber } }: ProfileNode): string {
  if (url === '') return functionName;
  const place = url
    .replace(/^file:\/\//, '')
    .replace(/^.*\/node_modules\//, '')
    .replace(/^.*\/(packages|services)\//, '');
  return `${functionName || '(anonymous)'} ${place}:${lineNumber + 1}`;
}

/** `own: messaging`, `pg`, `node:net`, `(garbage collector)`. */
function packageOf({ callFrame: { functionName, url } }: ProfileNode): string {
  const installed = /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1];
  const own = /\/(?:packages|services)\/([^/]+)\//.exec(url)?.[1];
  return installed ?? (own === undefined ? url || functionName : `own: ${own}`);
}

const LINES = 40;

function table(title: string, times: ReadonlyMap<string, number>, busyUs: number): string[] {
  const sorted = [...times].toSorted(([, a], [, b]) => b - a).slice(0, LINES);
  return [
    '',
    title,
    ...sorted.map(([name, us]) => `${((us / busyUs) * 100).toFixed(1).padStart(6)} %  ${name}`),
  ];
}

/**
 * A profile as text: the share of the time that was not idle, by package, by function, and by function with what it
 * called. @param from microseconds after the profile's start that are left out: a process that starts compiles.
 */
export function summarise(profile: CpuProfile, from: number): string {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])),
  );
  const own = new Map<string, number>();
  const packages = new Map<string, number>();
  const whole = new Map<string, number>();
  const add = (times: Map<string, number>, key: string, us: number) =>
    times.set(key, (times.get(key) ?? 0) + us);
  let at = 0;
  let busyUs = 0;
  for (const [index, id] of profile.samples.entries()) {
    const us = profile.timeDeltas[index] ?? 0;
    at += us;
    const node = nodes.get(id);
    if (!node || at < from || node.callFrame.functionName === '(idle)') continue;
    busyUs += us;
    add(own, nameOf(node), us);
    add(packages, packageOf(node), us);
    const callers = new Set<string>();
    for (let caller: number | undefined = id; caller !== undefined; caller = parents.get(caller)) {
      const found = nodes.get(caller);
      if (found) callers.add(nameOf(found));
    }
    for (const caller of callers) add(whole, caller, us);
  }
  return [
    `${(busyUs / 1e6).toFixed(1)} s of CPU time`,
    ...table('By package', packages, busyUs),
    ...table('By function', own, busyUs),
    ...table('By function, with what it called', whole, busyUs),
    '',
  ].join('\n');
}
