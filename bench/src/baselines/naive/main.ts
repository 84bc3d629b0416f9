import kafkajs from 'kafkajs';
import { z } from 'zod';
import { loadConfig } from '@orderflow/service-runtime/config';
import { runProcess, type Running } from '@orderflow/service-runtime/process';
import { baselineEnvironment } from '../config.ts';
import { openFront } from '../front.ts';
import { ordersRoute } from '../orders-route.ts';
import { createPrisma } from '../prisma.ts';
import { consume } from './consumer.ts';
import { SERVICES } from './events.ts';
import { acceptOrder } from './orders.ts';
import { relay } from './outbox.ts';
import { STEPS } from './steps.ts';

// Node finds only some of this CommonJS package's names for a named import.
const { Kafka, logLevel } = kafkajs;

const configSchema = z.object({
  ...baselineEnvironment,
  SERVICE: z.enum(SERVICES),
  KAFKA_BROKERS: z.string().transform((text) => text.split(',')),
  /** A run begins with empty topics, so its groups begin anew as well. */
  CONSUMER_GROUP: z.string(),
});

/** One of the five services: an HTTP side, a consumer, a relay, a database of its own. */
async function start(): Promise<Running> {
  const config = loadConfig(configSchema, process.env);
  const service = config.SERVICE;
  const prisma = createPrisma(config.DATABASE_URL);
  const kafka = new Kafka({
    clientId: `naive-${service}`,
    brokers: config.KAFKA_BROKERS,
    logLevel: logLevel.WARN,
  });
  const consumer = kafka.consumer({ groupId: config.CONSUMER_GROUP });
  const producer = kafka.producer();
  await producer.connect();
  await consume(service, STEPS[service], prisma, consumer);
  const stopping = new AbortController();
  const relaying = relay(service, prisma, producer, stopping.signal);
  const route = service === 'order' ? ordersRoute((request) => acceptOrder(prisma, request)) : null;
  return openFront(`naive-${service}`, config, route, async () => {
    stopping.abort();
    await Promise.all([relaying, consumer.disconnect()]);
    await Promise.all([producer.disconnect(), prisma.$disconnect()]);
  });
}

await runProcess({ name: 'naive', start });
