import type { BenchResult, CouponRun } from '../result.ts';
import { figuresOf, OURS, ordersPerSecond } from './entries.ts';
import { figure, NOTHING, rough, spread } from './figures.ts';
import { ratios, summaryOf, type Summary } from './statistics.ts';

export type Verdict = 'aim reached' | 'must reached' | `missed by ${string}` | 'not run';

/** A goal and what became of it, as a person reads it. */
export interface GoalResult {
  readonly id: string;
  readonly measure: string;
  readonly must: string;
  readonly aim: string;
  /** Median over the rounds; `–` when it was not run. */
  readonly value: string;
  /** `[min–max]` over the rounds; `–` with fewer than two. */
  readonly spread: string;
  /** By `must`: what is missed is told in ms or per cent of a core where the goal is, else in per cent of the bound. */
  readonly verdict: Verdict;
}

type Unit = 'ratio' | 'count' | 'CPU' | 'latency' | 'core';

const SUFFIX: Readonly<Record<Unit, string>> = {
  ratio: '×',
  count: '',
  CPU: ' ms',
  latency: ' ms',
  core: ' % of a core',
};

interface Goal {
  readonly id: string;
  readonly measure: string;
  readonly unit: Unit;
  /** Whether more is better or less. */
  readonly bound: '≥' | '≤';
  /** One number, or two: p50 and p99, which must both hold. */
  readonly must: readonly number[];
  readonly aim: readonly number[];
  /** For each number of the bound what the rounds measured; an empty list is a measure that was not run. */
  measured(result: BenchResult): readonly (readonly number[])[];
}

/** Ratio of orders a second in each round. */
const orders = (a: string, b: string) => (result: BenchResult) => [
  ratios(figuresOf(result, a, ordersPerSecond), figuresOf(result, b, ordersPerSecond)),
];

const againstArm = (id: string, arm: string, must: number, aim: number): Goal => ({
  id,
  measure: `orders/s against ${arm}`,
  unit: 'ratio',
  bound: '≥',
  must: [must],
  aim: [aim],
  measured: orders(OURS, arm),
});

const variant = (id: string, measure: string, entry: string, must: number, aim: number): Goal => ({
  id,
  measure,
  unit: 'ratio',
  bound: '≥',
  must: [must],
  aim: [aim],
  measured: orders(entry, OURS),
});

const latency = (
  id: string,
  load: string,
  run: string,
  must: readonly number[],
  aim: readonly number[],
): Goal => ({
  id,
  measure: `POST→PAID ${load}, p50 / p99`,
  unit: 'latency',
  bound: '≤',
  must,
  aim,
  measured({ latency }) {
    const runs = latency.filter(({ name, arm }) => name === run && arm === OURS);
    // A request that failed has no latency: percentiles of the others would flatter, so the run counts as endless.
    const counted = (ms: number, failed: number) => (failed > 0 ? Infinity : ms);
    return [
      runs.map(({ paid, failed }) => counted(paid.p50Ms, failed)),
      runs.map(({ paid, failed }) => counted(paid.p99Ms, failed)),
    ];
  },
});

const couponsPerSecond = ({ coupons }: BenchResult, name: CouponRun['name']) =>
  coupons.filter((run) => run.name === name).map(({ issuedPerSecond }) => issuedPerSecond);

const GOALS: readonly Goal[] = [
  againstArm('P1', 'naive', 18, 35),
  againstArm('P2', 'monolith-pg', 1.25, 2),
  againstArm('P3', 'monolith-prisma', 5, 8),
  againstArm('P4', 'monolith-cte', 0.45, 0.75),
  {
    id: 'P5',
    measure: 'CPU an order, everything included, the generator too',
    unit: 'CPU',
    bound: '≤',
    must: [1],
    aim: [0.72],
    measured: (result) => [
      figuresOf(result, OURS, (round) => round.cpuMsPerOrder + round.generatorCpuMsPerOrder),
    ],
  },
  {
    id: 'P6',
    measure: 'fsyncs an order at peak',
    unit: 'count',
    bound: '≤',
    must: [0.1],
    aim: [0.045],
    measured: (result) => [figuresOf(result, OURS, (round) => round.fsyncsPerOrder)],
  },
  latency('P7', 'at 1 order/s', 'idle', [35, 80], [25, 50]),
  latency('P8a', "at half of monolith-pg's peak", 'half-monolith', [90, 280], [50, 110]),
  latency('P8b', 'at half of our own peak', 'half-peak', [130, 350], [80, 200]),
  {
    id: 'P9',
    measure: 'CPU an order with a backlog of 1 M orders against none',
    unit: 'ratio',
    bound: '≤',
    must: [1.25],
    aim: [1.1],
    // A smaller backlog is another measure.
    measured: ({ backlog }) => [
      backlog && backlog.orders >= 1_000_000
        ? [backlog.cpuMsPerOrder / backlog.withoutBacklog.cpuMsPerOrder]
        : [],
    ],
  },
  variant('P10', 'orders/s for one hot product against uniform products', 'ours-hot-product', 0.85, 0.97),
  {
    id: 'P11',
    measure: 'first-come coupons/s through HTTP against row locks',
    unit: 'ratio',
    bound: '≥',
    must: [4],
    aim: [8],
    measured: (result) => [ratios(couponsPerSecond(result, 'ours'), couponsPerSecond(result, 'row-lock'))],
  },
  {
    id: 'P12',
    measure: 'CPU of the whole stack without orders',
    unit: 'core',
    bound: '≤',
    must: [8],
    aim: [4],
    measured: ({ idle }) => [idle ? [idle.cpuPercent] : []],
  },
  {
    id: 'P13',
    measure: 'drain rate after a 60 s stop of one service against the rate offered',
    unit: 'ratio',
    bound: '≥',
    must: [1.5],
    aim: [2.5],
    measured: ({ stop }) => [
      stop && Math.round(stop.stoppedSeconds) >= 60 ? [stop.drainPerSecond / stop.offeredPerSecond] : [],
    ],
  },
  variant('P14', 'orders/s with two instances of every service against one', 'ours-two-instances', 0.95, 1),
  variant('P15', 'orders/s through the gateway against directly', 'ours-gateway', 0.6, 0.75),
];

const PERCENTILES = ['p50', 'p99'];

/** Empty when all medians keep to the bound; otherwise how far each of the others is off. */
function shortfalls({ unit, bound }: Goal, bounds: readonly number[], medians: readonly number[]): string[] {
  return medians.flatMap((value, index) => {
    const limit = bounds[index] ?? NaN;
    if (bound === '≥' ? value >= limit : value <= limit) return [];
    const off = Math.abs(value - limit);
    const label = medians.length > 1 ? ` (${PERCENTILES[index] ?? ''})` : '';
    const own = unit === 'latency' || unit === 'core';
    return [own ? `${rough(off)}${SUFFIX[unit]}${label}` : `${rough((off / limit) * 100)} %`];
  });
}

function verdictOf(goal: Goal, medians: readonly number[]): Verdict {
  if (shortfalls(goal, goal.aim, medians).length === 0) return 'aim reached';
  const missed = shortfalls(goal, goal.must, medians);
  return missed.length === 0 ? 'must reached' : `missed by ${missed.join(' and ')}`;
}

function judgeGoal(goal: Goal, result: BenchResult): GoalResult {
  const { id, measure, unit, bound } = goal;
  const inUnit = (texts: readonly string[]) => `${texts.join(' / ')}${SUFFIX[unit]}`;
  const boundText = (numbers: readonly number[]) => `${bound} ${inUnit(numbers.map(String))}`;
  const told = { id, measure, must: boundText(goal.must), aim: boundText(goal.aim) };
  const measured = goal.measured(result).map(summaryOf);
  const summaries = measured.filter((summary): summary is Summary => summary !== undefined);
  if (summaries.length < measured.length)
    return { ...told, value: NOTHING, spread: NOTHING, verdict: 'not run' };
  const medians = summaries.map(({ median }) => median);
  return {
    ...told,
    value: inUnit(medians.map(figure)),
    spread: summaries.every(({ count }) => count > 1)
      ? summaries.map((summary) => spread(summary)).join(' / ')
      : NOTHING,
    verdict: verdictOf(goal, medians),
  };
}

/** Each goal of a run, P1 to P15, in their order. */
export function judge(result: BenchResult): GoalResult[] {
  return GOALS.map((goal) => judgeGoal(goal, result));
}
