import { countDeadLetters } from '@orderflow/messaging/dead-letter-desk';
import { within } from '@orderflow/messaging/pause';
import type { Metrics } from '@orderflow/service-runtime/metrics';
import { shared } from './at-once.ts';
import type { Operated } from './operated.ts';

/** A scrape must not wait for a backend that is away: its gauges are left out then. */
const LOOK_MS = 1_500;

/** The gauges of alarms and autoscaling, read when they are scraped. */
export function registerGauges(metrics: Metrics, { kit }: Pick<Operated, 'kit'>): void {
  // The two gauges of one scrape share a look.
  const outbox = shared(() => kit.outboxStatus());
  const pending = metrics.gauge(
    'outbox_pending_messages',
    'Commits whose messages are not published',
    [],
    () =>
      look(
        outbox,
        ({ pendingRows }) => pending.set(pendingRows),
        () => pending.remove(),
      ),
  );
  const oldest = metrics.gauge('outbox_oldest_pending_age_seconds', 'Age of the oldest of them', [], () =>
    look(
      outbox,
      ({ oldestAgeSeconds }) => oldest.set(oldestAgeSeconds ?? 0),
      () => oldest.remove(),
    ),
  );
  const parked = metrics.gauge('dead_letters', 'Open dead letters', ['step', 'reason'], () =>
    look(
      () => countDeadLetters(kit.pool),
      (lines) => {
        parked.reset();
        for (const { step, reason, count } of lines) parked.set({ step, reason }, count);
      },
      () => parked.reset(),
    ),
  );
  const labels = ['consumergroup', 'topic', 'partition'] as const;
  const lag = metrics.gauge('kafka_consumergroup_lag', 'Messages a step has not committed yet', labels, () =>
    look(
      () => kit.lag(),
      (partitions) => {
        for (const { step, topic, partition, lag: behind } of partitions) {
          lag.set({ consumergroup: step, topic, partition }, behind);
        }
      },
      () => lag.reset(),
    ),
  );
}

/** Reads what a gauge shows; without an answer in time it shows nothing, rather than something old. */
export async function look<Value>(
  read: () => Promise<Value>,
  show: (value: Value) => void,
  forget: () => void,
): Promise<void> {
  let found: { readonly value: Value } | undefined;
  await within(
    LOOK_MS,
    read().then((value) => {
      found = { value };
    }),
  );
  if (found) show(found.value);
  else forget();
}
