import { SERVICE_NAMES } from '@orderflow/local/ports';
import type { RunningStack } from '@orderflow/testing/running-stack';

/** Where a dead letter comes from and why: `coupon.apply stock-reserved/3/17 SCHEMA`. */
export function letterOf(
  step: string,
  topic: string,
  partition: number,
  offset: string,
  reason: string,
): string {
  return `${step} ${topic}/${partition}/${offset} ${reason}`;
}

/** The highest id of a dead letter in each service. */
export async function lastLetters(stack: RunningStack): Promise<ReadonlyMap<string, string>> {
  const last = SERVICE_NAMES.map(async (service): Promise<[string, string]> => {
    const [row] = await stack.sql<{ id: string }>(
      service,
      'SELECT coalesce(max(id), 0) AS id FROM dead_letters',
    );
    return [service, row?.id ?? '0'];
  });
  return new Map(await Promise.all(last));
}

/** The dead letters above these ids, each as `letterOf` writes it. */
export async function lettersSince(
  stack: RunningStack,
  since: ReadonlyMap<string, string>,
): Promise<string[]> {
  const found = [...since].map(([service, id]) =>
    stack.sql<{ step: string; topic: string; partition: number; offset: string; reason: string }>(
      service,
      'SELECT step, topic, partition, "offset", reason FROM dead_letters WHERE id > $1',
      [id],
    ),
  );
  const rows = (await Promise.all(found)).flat();
  return rows.map(({ step, topic, partition, offset, reason }) =>
    letterOf(step, topic, partition, offset, reason),
  );
}

/** Takes back what a test had parked, so that the next one finds its own. */
export async function forgetLetters(stack: RunningStack, since: ReadonlyMap<string, string>): Promise<void> {
  for (const [service, id] of since) {
    await stack.sql(service, 'DELETE FROM dead_letters WHERE id > $1', [id]);
  }
}
