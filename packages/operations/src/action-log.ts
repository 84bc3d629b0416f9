import type { Tx } from '@orderflow/messaging/postgres';

/** What an operator did, as the table `operator_actions` keeps it for good. */
export interface OperatorAction {
  /** The token's subject. */
  readonly subject: number;
  /** Alarms and searches name it: it never changes. */
  readonly action: 'dead-letters.replay' | 'dead-letters.discard' | 'steps.resume' | 'orders.nudge';
  readonly request: Readonly<Record<string, unknown>>;
  readonly outcome: Readonly<Record<string, unknown>>;
}

/** Writes down an action, in the transaction of its effect where there is one. */
export async function recordAction(tx: Pick<Tx, 'query'>, action: OperatorAction): Promise<void> {
  await tx.query('INSERT INTO operator_actions (subject, action, request, outcome) VALUES ($1, $2, $3, $4)', [
    action.subject,
    action.action,
    JSON.stringify(action.request),
    JSON.stringify(action.outcome),
  ]);
}
