import { setTimeout as pause } from 'node:timers/promises';
import type { Producer } from 'kafkajs';
import type { Prisma, PrismaClient } from '../../generated/prisma/client.ts';
import { topicOf, type OutgoingEvent, type Service } from './events.ts';

/** Stores an event in the transaction of the work that it tells of. */
export async function append(tx: Prisma.TransactionClient, { event, data }: OutgoingEvent): Promise<void> {
  await tx.outboxMessage.create({
    data: { topic: topicOf(event), key: String(data.orderId), payload: JSON.stringify(data) },
  });
}

/** Names a message on its way: the same for each time that it is sent. */
export const MESSAGE_ID = 'message-id';

const POLL_MS = 100;
const ROWS_MAX = 100;

/** Publishes what was committed, one send a row, until `signal` is aborted. A full poll is followed at once. */
export async function relay(
  service: Service,
  prisma: PrismaClient,
  producer: Producer,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const published = await publishWaiting(service, prisma, producer);
    if (published < ROWS_MAX) await pause(POLL_MS);
  }
}

async function publishWaiting(service: Service, prisma: PrismaClient, producer: Producer): Promise<number> {
  const rows = await prisma.outboxMessage.findMany({
    where: { publishedAt: null },
    orderBy: { id: 'asc' },
    take: ROWS_MAX,
  });
  for (const { id, topic, key, payload } of rows) {
    await producer.send({
      topic,
      acks: -1,
      messages: [{ key, value: payload, headers: { [MESSAGE_ID]: `${service}-${id}` } }],
    });
    await prisma.outboxMessage.update({ where: { id }, data: { publishedAt: new Date() } });
  }
  return rows.length;
}
