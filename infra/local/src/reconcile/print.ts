import { formatAmount } from '@orderflow/shared-events/money';
import pc from 'picocolors';
import { seconds } from '../messages.ts';
import type { InvariantResult, Violation } from './invariants.ts';
import type { Reconciliation } from './reconcile.ts';

/** JSON in which an amount is what the API writes: minor units 1250 are "12.50". */
export function toJson(value: unknown, indent?: number): string {
  const readable = (_key: string, part: unknown) => (typeof part === 'bigint' ? formatAmount(part) : part);
  return JSON.stringify(value, readable, indent);
}

function violationLines({ subject, problem, rows }: Violation): string[] {
  const shown = Object.entries(rows).filter(([, row]) => row !== null);
  return [
    `       ${pc.red(subject)}: ${problem}`,
    ...shown.map(([name, row]) => `         ${name} ${toJson(row)}`),
  ];
}

function invariantLines({ id, promise, checked, unit, violations, examples }: InvariantResult): string[] {
  const head = `  ${violations === 0 ? pc.green('✔') : pc.red('✘')} ${id.padEnd(3)} ${promise}`;
  const count = pc.dim(`       ${unit} checked: ${checked}, violations: ${violations}`);
  const rest = violations - examples.length;
  return [head, count, ...examples.flatMap(violationLines), ...(rest > 0 ? [`       and ${rest} more`] : [])];
}

/** A reconciliation as lines for a person. */
export function reconciliationLines(result: Reconciliation): string[] {
  if (result.kind === 'not-at-rest') {
    return ['The stack is not at rest:', ...result.waitingFor.map((what) => `  ${what}`)];
  }
  const deadLetters = Object.entries(result.deadLetters).map(
    ([service, count]) => `  Open dead letters in ${service}: ${count}`,
  );
  const violations = result.invariants.reduce((sum, invariant) => sum + invariant.violations, 0);
  return [
    ...result.invariants.flatMap(invariantLines),
    ...deadLetters,
    `Orders: ${result.orders}, violations: ${violations}, ${seconds(result.elapsedMs)}`,
  ];
}
