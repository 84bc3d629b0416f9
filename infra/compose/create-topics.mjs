// The topic job of docker-compose.yml: creates the catalog's topics before anything starts.
import { createTopics } from '../local/dist/topics.js';

const brokers = process.env.KAFKA_BROKERS;
if (!brokers) {
  console.error('KAFKA_BROKERS is not set');
  process.exit(78);
}
await createTopics(brokers.split(','));
console.log('topics are ready');
