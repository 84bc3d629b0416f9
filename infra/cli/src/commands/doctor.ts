import { TOPICS } from '@orderflow/shared-events/catalog';
import type { Stack } from '@orderflow/local/stack-file';
import { Redis } from 'ioredis';
import kafkajs from 'kafkajs';
import pg from 'pg';
import pc from 'picocolors';
import { describeFailure, EXIT } from '../failure.ts';
import { show, timeText, type Screen } from '../screen.ts';
import type { Target } from '../target.ts';

const { Kafka, logLevel } = kafkajs;

type State = 'ok' | 'warning' | 'failed';

interface Finding {
  readonly what: string;
  readonly state: State;
  readonly detail: string;
  /** The next thing to do; null when all is well. */
  readonly next: string | null;
}

const PATIENCE_MS = 5_000;
const NODE_MINIMUM = 20;
/** Tokens bear five seconds of difference. */
const CLOCK_MAX_MS = 5_000;

/** Runs a check; one that throws has failed. */
async function check(
  what: string,
  next: string,
  work: () => Promise<string | Pick<Finding, 'state' | 'detail'>>,
): Promise<Finding> {
  try {
    const found = await work();
    const { state, detail } = typeof found === 'string' ? { state: 'ok' as const, detail: found } : found;
    return { what, state, detail, next: state === 'ok' ? null : next };
  } catch (error) {
    const [detail = ''] = describeFailure(error).message.split('\n');
    return { what, state: 'failed', detail, next };
  }
}

/**
 * Looks at everything a stack needs and says what to do about what is wrong.
 * @returns 0, 1 when something failed, 69 when the gateway itself cannot be reached
 */
export async function examine(target: Target, screen: Screen): Promise<number> {
  const { local } = target;
  const gateway = await check('gateway', 'npm start', () => askGateway(target.gateway));
  const findings = [
    await check('Node.js', 'nvm install 20', () => Promise.resolve(nodeVersion())),
    gateway,
    ...(local === null ? [] : await examineLocal(local)),
    ...(gateway.state === 'failed' ? [] : await examineFlow(target)),
  ];
  show(screen, { gateway: target.gateway, findings }, () => findings.flatMap(lines));
  if (gateway.state === 'failed') return EXIT.unavailable;
  return findings.some(({ state }) => state === 'failed') ? EXIT.failed : 0;
}

const MARKS: Readonly<Record<State, string>> = {
  ok: pc.green('✔'),
  warning: pc.yellow('!'),
  failed: pc.red('✘'),
};

function lines({ what, state, detail, next }: Finding): string[] {
  const line = `${MARKS[state]} ${what.padEnd(22)} ${detail}`;
  return next === null ? [line] : [line, `  ${''.padEnd(22)} → ${next}`];
}

function nodeVersion(): string | Pick<Finding, 'state' | 'detail'> {
  const { node } = process.versions;
  return Number(node.split('.')[0]) >= NODE_MINIMUM
    ? node
    : { state: 'failed', detail: `${node} is too old` };
}

async function askGateway(url: string): Promise<string | Pick<Finding, 'state' | 'detail'>> {
  const startedAt = Date.now();
  const answer = await fetch(`${url}/openapi.json`, { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) return { state: 'failed', detail: `${url} answers ${answer.status}` };
  await answer.arrayBuffer();
  const elapsed = Date.now() - startedAt;
  const skew = Math.abs(Date.parse(answer.headers.get('date') ?? '') - Date.now());
  if (skew > CLOCK_MAX_MS + elapsed) {
    return { state: 'warning', detail: `its clock differs by ${timeText(skew)}: tokens may be refused` };
  }
  return `${url}, ${elapsed} ms`;
}

function examineLocal(stack: Stack): Promise<Finding[]> {
  const log = 'look at the log named in .local/stack.json; the launcher starts it again';
  return Promise.all([
    ...Object.entries(stack.internal).map(([name, url]) =>
      check(`${name} process`, log, () => askReadyz(url)),
    ),
    ...Object.entries(stack.databases).map(([name, url]) =>
      check(`${name} database`, log, () => askPostgres(url)),
    ),
    check('Kafka', log, () => askKafka(stack.kafka.brokers)),
    check('Redis', 'nothing is refused without it, only slower', () => askRedis(stack.redis)),
  ]);
}

async function askReadyz(url: string): Promise<string | Pick<Finding, 'state' | 'detail'>> {
  const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(PATIENCE_MS) });
  const { missing } = (await answer.json()) as { missing: string[] };
  return answer.ok ? 'ready' : { state: 'failed', detail: `not ready: ${missing.join(', ')}` };
}

async function askPostgres(connectionString: string): Promise<string> {
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: PATIENCE_MS,
    query_timeout: PATIENCE_MS,
  });
  await client.connect();
  try {
    const { rows } = await client.query<{ size: string }>(
      'SELECT pg_size_pretty(pg_database_size(current_database())) AS size',
    );
    return rows[0]?.size ?? '';
  } finally {
    await client.end();
  }
}

async function askKafka(brokers: readonly string[]): Promise<string | Pick<Finding, 'state' | 'detail'>> {
  const client = new Kafka({
    clientId: 'orderflow-doctor',
    brokers: [...brokers],
    logLevel: logLevel.NOTHING,
    connectionTimeout: PATIENCE_MS,
    retry: { retries: 1 },
  });
  const admin = client.admin();
  await admin.connect();
  try {
    const names = new Set(await admin.listTopics());
    const missing = TOPICS.filter(({ name }) => !names.has(name)).map(({ name }) => name);
    if (missing.length > 0) return { state: 'failed', detail: `topics missing: ${missing.join(', ')}` };
    const { topics } = await admin.fetchTopicMetadata({ topics: TOPICS.map(({ name }) => name) });
    const wrong = topics.filter(
      ({ name, partitions }) => TOPICS.find((topic) => topic.name === name)?.partitions !== partitions.length,
    );
    if (wrong.length > 0) {
      return {
        state: 'failed',
        detail: `wrong number of partitions: ${wrong.map(({ name }) => name).join(', ')}`,
      };
    }
    const steps = [...new Set(TOPICS.flatMap(({ consumers }) => consumers))];
    const { groups } = await admin.describeGroups(steps);
    const idle = groups.filter(({ members }) => members.length === 0).map(({ groupId }) => groupId);
    if (idle.length > 0) return { state: 'failed', detail: `nobody reads for ${idle.join(', ')}` };
    return `${TOPICS.length} topics, ${steps.length} steps with readers`;
  } finally {
    await admin.disconnect();
  }
}

async function askRedis(url: string): Promise<string | Pick<Finding, 'state' | 'detail'>> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: PATIENCE_MS,
    commandTimeout: PATIENCE_MS,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  // The rejection below says it; without a listener it would be printed as well.
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.ping();
    return 'answers';
  } catch (error) {
    return { state: 'warning', detail: error instanceof Error ? error.message : String(error) };
  } finally {
    client.disconnect();
  }
}

/** Whether orders move. */
function examineFlow(target: Target): Promise<Finding[]> {
  const operator = target.operator();
  return Promise.all([
    check('stuck orders', 'orderflow saga stuck; then: orderflow saga nudge --all', async () => {
      const { data } = await operator.get('/v1/ops/orders/stuck');
      return data.length === 0 ? 'none' : { state: 'warning', detail: `${data.length} wait for answers` };
    }),
    check('dead letters', 'orderflow dead-letters list', async () => {
      const { data, nextCursor, unavailable } = await operator.get('/v1/ops/dead-letters', {
        params: { query: { limit: 100 } },
      });
      if (unavailable.length > 0)
        return { state: 'warning', detail: `no answer from ${unavailable.join(', ')}` };
      if (data.length === 0) return 'none';
      return { state: 'warning', detail: `${data.length}${nextCursor === null ? '' : ' or more'} are open` };
    }),
    check('outbox', 'orderflow outbox status', async () => {
      const { data, unavailable } = await operator.get('/v1/ops/outbox');
      const failing = data.filter(({ failingSince }) => failingSince !== null).map(({ service }) => service);
      if (failing.length + unavailable.length > 0) {
        return { state: 'failed', detail: `cannot publish: ${[...failing, ...unavailable].join(', ')}` };
      }
      return `${data.reduce((sum, { pendingRows }) => sum + pendingRows, 0)} commits unpublished`;
    }),
    check('lag', 'orderflow lag', async () => {
      const { data, unavailable } = await operator.get('/v1/ops/lag');
      if (unavailable.length > 0)
        return { state: 'warning', detail: `no answer from ${unavailable.join(', ')}` };
      return `${data.reduce((sum, { lag }) => sum + lag, 0)} messages to read`;
    }),
  ]);
}
