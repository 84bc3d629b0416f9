import { setTimeout as pause } from 'node:timers/promises';
import { EXIT } from '../failure.ts';
import { show, tableLines, timeText, type Screen } from '../screen.ts';
import type { Target } from '../target.ts';

const age = (seconds: number | null): string | null => (seconds === null ? null : timeText(seconds * 1_000));

/** Names services that did not answer. @returns 1 when there are some: what was shown is not all */
export function noteAbsent(unavailable: readonly string[], screen: Screen): number {
  if (unavailable.length === 0) return 0;
  screen.note(`Without ${unavailable.join(', ')}: no answer`);
  return EXIT.failed;
}

/** What each service has committed and not published yet. @returns 1 when a service does not answer */
export async function showOutbox(target: Target, screen: Screen): Promise<number> {
  const { data, unavailable } = await target.operator().get('/v1/ops/outbox');
  show(screen, { data, unavailable }, () =>
    tableLines(
      ['service', 'unpublished', 'oldest', 'published/s', 'failing since'],
      data.map((line) => [
        line.service,
        line.pendingRows,
        age(line.oldestAgeSeconds),
        Number(line.publishedPerSecond.toFixed(1)),
        line.failingSince,
      ]),
      'No service answered.',
    ),
  );
  return noteAbsent(unavailable, screen);
}

const WATCH_MS = 2_000;

/** How far each step is behind: a line a step and topic, or, with `partitions`, all there is. */
export async function showLag(
  target: Target,
  options: { readonly watch: boolean; readonly partitions: boolean },
  screen: Screen,
  signal: AbortSignal,
): Promise<number> {
  const operator = target.operator();
  for (;;) {
    const { data, unavailable } = await operator.get('/v1/ops/lag');
    const rows = options.partitions ? data : byTopic(data);
    show(screen, { data: rows, unavailable }, () =>
      tableLines(
        ['step', 'topic', ...(options.partitions ? ['partition'] : []), 'lag', 'read/s', 'caught up in'],
        rows.map((row) => [
          row.step,
          row.topic,
          ...(options.partitions ? [row.partition] : []),
          row.lag,
          row.ratePerSecond === null ? null : Number(row.ratePerSecond.toFixed(1)),
          row.lag === 0 ? '' : age(row.catchUpSeconds),
        ]),
        'No service answered.',
      ),
    );
    const code = noteAbsent(unavailable, screen);
    if (!options.watch || signal.aborted) return code;
    screen.note('');
    await pause(WATCH_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return code;
  }
}

interface Lag {
  readonly step: string;
  readonly topic: string;
  readonly partition: number;
  readonly lag: number;
  readonly ratePerSecond: number | null;
  readonly catchUpSeconds: number | null;
}

/** Partitions summed up; the slowest says when all is caught up. */
function byTopic(partitions: readonly Lag[]): Lag[] {
  const topics = new Map<string, Lag>();
  for (const one of partitions) {
    const key = `${one.step} ${one.topic}`;
    const sum = topics.get(key);
    topics.set(
      key,
      sum === undefined
        ? one
        : {
            ...sum,
            lag: sum.lag + one.lag,
            ratePerSecond: add(sum.ratePerSecond, one.ratePerSecond),
            catchUpSeconds: later(sum, one),
          },
    );
  }
  return [...topics.values()];
}

const add = (one: number | null, other: number | null) =>
  one === null || other === null ? null : one + other;

function later(one: Lag, other: Lag): number | null {
  const times = [one, other].filter(({ lag }) => lag > 0).map(({ catchUpSeconds }) => catchUpSeconds);
  if (times.length === 0) return 0;
  return times.includes(null) ? null : Math.max(...times.map(Number));
}

/** Lets a step go on that a flood of faults has paused. */
export async function resumeStep(target: Target, step: string, screen: Screen): Promise<number> {
  const answer = await target.operator().post('/v1/ops/steps/{step}/resume', { params: { path: { step } } });
  show(screen, answer, () => [`${answer.step} goes on`]);
  return 0;
}
