import { setTimeout as pause } from 'node:timers/promises';
import { createTopics } from '@orderflow/local/topics';
import { STEP_TOPICS, TOPICS } from '@orderflow/shared-events/catalog';
import { waitUntil } from '@orderflow/testing/wait-until';
import kafkajs, { type Admin } from 'kafkajs';

const CREATE_TRIES = 20;

/**
 * The topics of the catalog, empty, and no group that remembers where it was. Fresh databases give order ids out anew:
 * an event of an earlier run would be taken for one of this run.
 */
export async function renewTopics(brokers: readonly string[]): Promise<void> {
  const { Kafka, logLevel } = kafkajs;
  const client = new Kafka({ clientId: 'bench', brokers: [...brokers], logLevel: logLevel.NOTHING });
  const admin = client.admin();
  await admin.connect();
  try {
    await deleteGroups(admin, (group) => group in STEP_TOPICS);
    const names = TOPICS.map(({ name }) => name);
    const known = async () => (await admin.listTopics()).filter((topic) => names.includes(topic));
    const old = await known();
    if (old.length > 0) await admin.deleteTopics({ topics: old });
    while ((await known()).length > 0) await pause(50);
  } finally {
    await admin.disconnect();
  }
  await createWhenGone(brokers);
}

/**
 * Deletes the groups that `wanted` names. The members of a run that was killed count as alive until their session times
 * out, and the broker deletes no group with members: it is asked again for a while.
 */
export async function deleteGroups(admin: Admin, wanted: (group: string) => boolean): Promise<void> {
  await waitUntil(
    async () => {
      const { groups } = await admin.listGroups();
      const stale = groups.map(({ groupId }) => groupId).filter(wanted);
      if (stale.length > 0) await admin.deleteGroups(stale);
      return true;
    },
    { what: 'the end of the consumer groups of an earlier run', timeoutMs: 60_000, intervalMs: 500 },
  );
}

/** The broker forgets a deleted topic a moment after it stops listing it; what asks meanwhile is told that it is unknown. */
async function createWhenGone(brokers: readonly string[]): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await createTopics(brokers);
    } catch (error) {
      if (tries === CREATE_TRIES) throw error;
      await pause(200);
    }
  }
}
