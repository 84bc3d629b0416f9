import { FAULT_KINDS, kindOf, type FaultKind } from './kinds.ts';
import type { Happened } from './happen.ts';
import type { AnyOperation } from './history/history.ts';
import type { PlannedFault } from './plan.ts';
import type { ChaosResult } from './run.ts';
import type { Findings } from './verify.ts';

const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;

/** `kill payment`, `freeze order for 6.0 s`. */
export function describeFault({ kind, target, lastsMs }: PlannedFault): string {
  const lasts = lastsMs > 0 ? ` for ${seconds(lastsMs)}` : '';
  return `${kind} ${target}${lasts}`;
}

/** One line of the progress. */
export function happenedLine(
  { fault, at, flowingAfterMs, did, failed }: Happened,
  of: number,
  placed: number,
): string {
  const { lane, goalS } = kindOf(fault.kind);
  const goal = goalS === undefined || !fault.alone ? '' : ` (goal ${goalS} s)`;
  const flowing =
    flowingAfterMs === null
      ? 'orders do not flow after two minutes'
      : `flowing after ${seconds(flowingAfterMs)}${goal}`;
  const parts = [
    describeFault(fault) + (did === null ? '' : ` (${did})`),
    lane === 'processes' ? flowing : null,
    failed === null ? null : `could not: ${failed}`,
  ];
  const time = new Date(at).toISOString().slice(11, 19);
  const text = parts.filter((part) => part !== null).join(', ');
  return `${time} [${fault.number}/${of}] ${placed} orders, ${text}`;
}

interface Recovery {
  readonly kind: FaultKind;
  readonly count: number;
  readonly failed: number;
  /** Of those that came alone, in milliseconds, sorted; Infinity for one that did not recover. */
  readonly alone: readonly number[];
}

/** What happened, kind by kind. */
export function recoveries(happened: readonly Happened[]): Recovery[] {
  return FAULT_KINDS.map((kind) => {
    const own = happened.filter(({ fault }) => fault.kind === kind.name);
    const alone = own
      .filter(({ fault, failed }) => fault.alone && failed === null)
      .map(({ flowingAfterMs }) => flowingAfterMs ?? Infinity)
      .sort((a, b) => a - b);
    return { kind, count: own.length, failed: own.filter(({ failed }) => failed !== null).length, alone };
  }).filter(({ count }) => count > 0);
}

const median = (sorted: readonly number[]) => sorted[Math.floor(sorted.length / 2)] ?? NaN;

function recoveryLines(happened: readonly Happened[]): string[] {
  const rows = recoveries(happened).map(({ kind, count, failed, alone }) => {
    const longest = alone.at(-1);
    const measured =
      longest === undefined
        ? ''
        : `${alone.length} alone: ${seconds(median(alone))}, at most ${seconds(longest)}`;
    const missed = alone.filter((ms) => kind.goalS !== undefined && ms > kind.goalS * 1_000).length;
    const goal =
      kind.goalS === undefined || alone.length === 0
        ? ''
        : `goal ${kind.goalS} s ${missed === 0 ? 'kept' : `missed ${missed} times`}`;
    const impossible = failed === 0 ? '' : `, ${failed} could not happen`;
    return `  ${kind.name.padEnd(16)} ${String(count).padStart(4)}  ${measured.padEnd(34)} ${goal}${impossible}`.trimEnd();
  });
  return ['Faults, and how soon orders flowed again on every partition:', ...rows];
}

function requestLines(operations: readonly AnyOperation[]): string[] {
  const kinds = [...new Set(operations.map(({ kind }) => kind))].sort();
  const count = (kind: string, is: string) =>
    operations.filter((operation) => operation.kind === kind && operation.outcome.is === is).length;
  const rows = kinds.map(
    (kind) =>
      `  ${kind.padEnd(16)} ${String(count(kind, 'answered')).padStart(6)} answered, ${count(kind, 'refused')} refused, ${count(kind, 'unknown')} without an answer`,
  );
  return ['Requests:', ...rows];
}

const SHOWN = 20;

function findingLines(title: string, findings: readonly string[]): string[] {
  const shown = findings.slice(0, SHOWN).map((finding) => `  ✘ ${finding}`);
  const more = findings.length > SHOWN ? [`  … and ${findings.length - SHOWN} more`] : [];
  return [`${title}: ${findings.length === 0 ? 'none' : findings.length}`, ...shown, ...more];
}

/** The faults after which orders did not flow again in time. */
function standstills(happened: readonly Happened[]): string[] {
  return happened
    .filter(({ fault, flowingAfterMs }) => kindOf(fault.kind).lane === 'processes' && flowingAfterMs === null)
    .map(({ fault }) => `[${fault.number}] ${describeFault(fault)}`);
}

/** Everything that is wrong, in one list. */
export function allFindings(
  { happened }: Pick<ChaosResult, 'happened'>,
  { books, history, deadLetters }: Pick<Findings, 'books' | 'history' | 'deadLetters'>,
): string[] {
  return [...standstills(happened), ...books, ...history, ...deadLetters];
}

/** The summary; `elapsedMs` from the first order to the last finding. */
export function summaryLines(result: ChaosResult, findings: Findings, elapsedMs: number): string[] {
  const { operations, happened, placed } = result;
  const outcomes = Object.entries(findings.outcomes).map(([outcome, count]) => `${outcome} ${count}`);
  return [
    '',
    ...recoveryLines(happened),
    ...requestLines(operations),
    `Orders: ${findings.orders} (${outcomes.join(', ')})`,
    ...findingLines('Faults after which orders did not flow within two minutes', standstills(happened)),
    ...findingLines('Violations of the books', findings.books),
    ...findingLines('Answers that the books do not bear', findings.history),
    ...findingLines(`Dead letters other than the poison (${findings.poisoned})`, findings.deadLetters),
    `${placed} orders, ${happened.filter(({ failed }) => failed === null).length} faults, ${allFindings(result, findings).length} findings, ${seconds(elapsedMs)}`,
  ];
}
