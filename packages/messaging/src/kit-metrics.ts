/** What the kit counts and times; a process maps it to its metrics library. */
export interface KitMetrics {
  count(name: KitCounter, labels: Readonly<Record<string, string>>, by?: number): void;
  /** Seconds. */
  observe(name: KitTimer, labels: Readonly<Record<string, string>>, seconds: number): void;
}

export type KitCounter =
  /** Labels step: messages of committed batches; facts they gave. */
  | 'step_messages_total'
  | 'step_facts_total'
  /** Labels step, size: batches committed, by the power of two that their messages reach (1, 2, 4 … 512). */
  | 'step_batches_total'
  /** Labels client (a step, or relay), api (Fetch, Produce …): requests that the broker has answered. */
  | 'kafka_requests_total'
  /** Labels step, kind: batches that had to run again. */
  | 'step_retries_total'
  /** Labels step, reason: messages parked. */
  | 'dead_letters_total'
  /** Labels source (memory, poll): messages the broker acknowledged; sends that failed. */
  | 'outbox_published_total'
  | 'outbox_send_failures_total';

export type KitTimer =
  /** Label step: one batch, from its first statement to its commit. */
  | 'saga_step_duration_seconds'
  /** One send of the relay, to the broker's acknowledgement. */
  | 'outbox_send_duration_seconds';

/** Counts nothing: for tests and tools. */
export const noMetrics: KitMetrics = { count: () => undefined, observe: () => undefined };
