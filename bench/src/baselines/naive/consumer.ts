import type { Consumer, KafkaMessage } from 'kafkajs';
import type { Prisma, PrismaClient } from '../../generated/prisma/client.ts';
import { OrderRefused } from '../order.ts';
import { inTransaction } from '../prisma.ts';
import { CONSUMERS, EVENT_NAMES, topicOf, type EventName, type OrderData, type Service } from './events.ts';
import { append, MESSAGE_ID } from './outbox.ts';

type Tx = Prisma.TransactionClient;

/** What a service does about an event, in the transaction of its message. */
export interface Step {
  /** @returns the order as it is then, for the event `then` @throws OrderRefused */
  run(tx: Tx, data: OrderData): Promise<OrderData>;
  readonly then?: EventName;
  /** What tells of a refusal. */
  readonly orElse?: EventName;
}

/** One for each event that the service consumes. */
export type Steps = Partial<Record<EventName, Step>>;

/** Subscribes the service to its topics; resolves when its consumer has joined the group. */
export async function consume(
  service: Service,
  steps: Steps,
  prisma: PrismaClient,
  consumer: Consumer,
): Promise<void> {
  const events = EVENT_NAMES.filter((event) => (CONSUMERS[event] as readonly Service[]).includes(service));
  const stepOf = new Map(events.map((event) => [topicOf(event), steps[event]]));
  await consumer.connect();
  await consumer.subscribe({ topics: [...stepOf.keys()], fromBeginning: true });
  const joined = new Promise<void>((resolve) => consumer.on(consumer.events.GROUP_JOIN, () => resolve()));
  await consumer.run({
    eachMessage: async ({ topic, message }) => {
      const step = stepOf.get(topic);
      if (!step) throw new Error(`${service} has no step for ${topic}`);
      await handle(prisma, step, message);
    },
  });
  await joined;
}

async function handle(prisma: PrismaClient, step: Step, message: KafkaMessage): Promise<void> {
  const messageId = String(message.headers?.[MESSAGE_ID]);
  const data = JSON.parse(String(message.value)) as OrderData;
  try {
    await inTransaction(prisma, async (tx) => {
      if (!(await isFirst(tx, messageId))) return;
      const after = await step.run(tx, data);
      if (step.then) await append(tx, { event: step.then, data: after });
    });
  } catch (error) {
    const { orElse } = step;
    if (!(error instanceof OrderRefused) || orElse === undefined) throw error;
    await inTransaction(prisma, async (tx) => {
      if (await isFirst(tx, messageId))
        await append(tx, { event: orElse, data: { ...data, reason: error.reason } });
    });
  }
}

/** False for a message that was processed before: Kafka may deliver it again. */
async function isFirst(tx: Tx, messageId: string): Promise<boolean> {
  const { count } = await tx.processedMessage.createMany({ data: [{ messageId }], skipDuplicates: true });
  return count === 1;
}
