import { readFileSync } from 'node:fs';
import { EvenSender } from './even-sender.ts';
import type { FromGenerator, OpenLoop, ToGenerator } from './open-loop.ts';
import { orderRequests } from './order-requests.ts';

/** Without an answer for so long a client has given up. */
const TIMEOUT_MS = 10_000;

function tell(message: FromGenerator): void {
  process.send?.(message);
}

async function send(load: OpenLoop): Promise<void> {
  const { url, rate, connections, warmUpSeconds, seconds, authorizationsFile, ...texts } = load;
  const authorizations = readFileSync(authorizationsFile, 'utf8').trimEnd().split('\n');
  const warmUp = Math.round(rate * warmUpSeconds);
  const sender = new EvenSender({
    url,
    rate,
    count: warmUp + Math.round(rate * seconds),
    connections,
    timeoutMs: TIMEOUT_MS,
    request: orderRequests({ ...texts, authorizations }),
  });
  process.on('message', (message: ToGenerator) => {
    if (message.kind === 'stop') sender.stop();
  });
  let before = process.cpuUsage();
  let measuringSince = performance.now();
  setTimeout(() => {
    before = process.cpuUsage();
    measuringSince = performance.now();
    tell({ kind: 'measuring' });
  }, warmUpSeconds * 1000);
  const answers = await sender.run();
  const { user, system } = process.cpuUsage(before);
  tell({
    kind: 'done',
    answers: {
      scheduledAt: answers.scheduledAt.slice(warmUp),
      answeredAt: answers.answeredAt.slice(warmUp),
      status: answers.status.slice(warmUp),
      orderId: answers.orderId.slice(warmUp),
    },
    cpuMs: (user + system) / 1000,
    wallMs: performance.now() - measuringSince,
  });
}

process.once('disconnect', () => process.exit());
process.once('message', (message: ToGenerator) => {
  if (message.kind === 'load') void send(message.load);
});
