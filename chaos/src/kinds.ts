import { PROCESS_NAMES, SERVICE_NAMES } from '@orderflow/local/ports';
import { TOPICS } from '@orderflow/shared-events/catalog';

/** The consumer groups. */
export const STEPS = [...new Set(TOPICS.flatMap(({ consumers }) => consumers))].sort();

export interface FaultKind {
  /** What it is called in the plan and in the table. */
  readonly name: string;
  readonly what: string;
  /** What it may strike; one of them is chosen. */
  readonly targets: readonly string[];
  /** Of a thousand faults so many. */
  readonly share: number;
  /** Faults of processes follow one another, each waited for; the others happen beside them. */
  readonly lane: 'processes' | 'messages';
  /** How long it lasts, in milliseconds; [0, 0] when it is over at once. */
  readonly lastsMs: readonly [number, number];
  /** Orders flow again on every partition so soon after it began, in seconds: a goal for a fault that came alone. */
  readonly goalS?: number;
}

const WAYS = ['kafka', 'postgres'];

/** Every kind of fault, its share and what is promised of it. */
export const FAULT_KINDS = [
  {
    name: 'kill',
    what: 'kill -9 of a process',
    targets: PROCESS_NAMES,
    share: 190,
    lane: 'processes',
    lastsMs: [0, 0],
    goalS: 10,
  },
  {
    name: 'kill-backend',
    what: 'kill -9 of Kafka or Postgres',
    targets: WAYS,
    share: 36,
    lane: 'processes',
    lastsMs: [0, 0],
    goalS: 30,
  },
  {
    name: 'kill-redis',
    what: 'kill -9 of Redis',
    targets: ['redis'],
    share: 20,
    lane: 'processes',
    lastsMs: [0, 0],
    goalS: 10,
  },
  {
    name: 'kill-launcher',
    what: 'kill -9 of the launcher, which ends all, and a new start',
    targets: ['launcher'],
    share: 6,
    lane: 'processes',
    lastsMs: [0, 0],
  },
  {
    name: 'freeze',
    what: 'SIGSTOP for 6 s',
    targets: [...PROCESS_NAMES, 'kafka'],
    share: 50,
    lane: 'processes',
    lastsMs: [6_000, 6_000],
  },
  {
    name: 'freeze-long',
    what: 'SIGSTOP for 35 s: its group goes on without it, then it is back',
    targets: SERVICE_NAMES,
    share: 12,
    lane: 'processes',
    lastsMs: [35_000, 35_000],
    goalS: 60,
  },
  {
    name: 'freeze-broker',
    what: 'SIGSTOP of Kafka for 60 s',
    targets: ['kafka'],
    share: 3,
    lane: 'processes',
    lastsMs: [60_000, 60_000],
  },
  {
    name: 'disk-full',
    what: 'no byte left on the volume of Postgres',
    targets: ['postgres'],
    share: 8,
    lane: 'processes',
    lastsMs: [4_000, 8_000],
  },
  {
    name: 'end-sessions',
    what: 'all sessions of one database ended by its administrator',
    targets: SERVICE_NAMES,
    share: 96,
    lane: 'messages',
    lastsMs: [0, 0],
  },
  {
    name: 'reset',
    what: 'half of the connections reset',
    targets: WAYS,
    share: 96,
    lane: 'messages',
    lastsMs: [0, 0],
  },
  {
    name: 'lose-answers',
    what: 'requests arrive, the connection is reset in place of the answer',
    targets: WAYS,
    share: 90,
    lane: 'messages',
    lastsMs: [0, 0],
  },
  {
    name: 'slow',
    what: 'every packet 50–400 ms late',
    targets: WAYS,
    share: 50,
    lane: 'messages',
    lastsMs: [1_000, 4_000],
  },
  {
    name: 'silence',
    what: 'nothing passes, nobody is told',
    targets: WAYS,
    share: 24,
    lane: 'messages',
    lastsMs: [2_000, 9_000],
  },
  {
    name: 'cut',
    what: 'every connection reset, new ones refused',
    targets: WAYS,
    share: 40,
    lane: 'messages',
    lastsMs: [500, 3_000],
  },
  {
    name: 'flush-redis',
    what: 'FLUSHALL',
    targets: ['redis'],
    share: 40,
    lane: 'messages',
    lastsMs: [0, 0],
  },
  {
    name: 'hang-redis',
    what: 'SIGSTOP of Redis',
    targets: ['redis'],
    share: 26,
    lane: 'messages',
    lastsMs: [2_000, 5_000],
  },
  {
    name: 'deliver-twice',
    what: 'the newest records of a topic published again',
    targets: TOPICS.map(({ name }) => name),
    share: 60,
    lane: 'messages',
    lastsMs: [0, 0],
  },
  {
    name: 'rewind',
    what: 'a group reads its topics from offset 0 again',
    targets: STEPS,
    share: 36,
    lane: 'messages',
    lastsMs: [0, 0],
  },
  {
    name: 'second-instance',
    what: 'another instance of a service joins, works and is killed',
    targets: SERVICE_NAMES,
    share: 40,
    lane: 'messages',
    lastsMs: [5_000, 10_000],
  },
  {
    name: 'odd-clock',
    what: 'another instance whose clock jumps by up to a day, both ways',
    targets: SERVICE_NAMES,
    share: 20,
    lane: 'messages',
    lastsMs: [5_000, 10_000],
  },
  {
    name: 'poison',
    what: 'records that no step can read',
    targets: TOPICS.map(({ name }) => name),
    share: 60,
    lane: 'messages',
    lastsMs: [0, 0],
  },
] as const satisfies readonly FaultKind[];

export type FaultName = (typeof FAULT_KINDS)[number]['name'];

export function kindOf(name: FaultName): FaultKind {
  return FAULT_KINDS.find((kind) => kind.name === name) as FaultKind;
}
