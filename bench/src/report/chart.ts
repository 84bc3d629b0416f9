import type { BenchResult } from '../result.ts';
import { cpuByProcess, entriesOf, isAblation, OURS, ordersPerSecond } from './entries.ts';
import { figure, whole } from './figures.ts';
import { summaryOf, type Summary } from './statistics.ts';
import { element, label, line, rectangle } from './svg.ts';

const WIDTH = 880;
const MARGIN = 24;
const TOP = 84;
const ROW = 30;
const BAR = 18;

/** The left panel: names end at NAMES, bars begin at BARS and their longest whisker ends BARS_WIDTH further. */
const NAMES = 162;
const BARS = 170;
const BARS_WIDTH = 290;

const STACK = 580;
const STACK_WIDTH = 48;
const LEGEND = 646;
const LEGEND_ROW = 22;

const INK = '#1f2933';
const GRID = '#e3e7eb';
const OURS_FILL = '#4a9fd8';
const OTHER_FILL = '#a3b1bf';
/** Told apart by colour-blind people too (Okabe and Ito), the dearest process first. */
const PROCESS_FILLS = [
  '#0072b2',
  '#e69f00',
  '#009e73',
  '#cc79a7',
  '#56b4e9',
  '#d55e00',
  '#f0e442',
  '#7f7f7f',
  '#332288',
  '#882255',
];

/** Round steps, three to six of them up to `max`. */
function ticks(max: number): number[] {
  const power = 10 ** Math.floor(Math.log10(max));
  const step = [0.2, 0.5, 1, 2].map((part) => part * power).find((size) => max / size <= 6) ?? max;
  return Array.from({ length: Math.floor(max / step) + 1 }, (_, index) => index * step);
}

function rateRow(name: string, { count, median, min, max }: Summary, y: number, perOrder: number): string[] {
  const bar = { x: BARS, y: y - BAR / 2, width: median * perOrder, height: BAR };
  const [from, to] = [BARS + min * perOrder, BARS + max * perOrder];
  return [
    label(NAMES, y, name, 'end'),
    rectangle(bar, name === OURS || name.startsWith(`${OURS}-`) ? OURS_FILL : OTHER_FILL),
    ...(count > 1
      ? [line(from, y, to, y, INK), line(from, y - 4, from, y + 4, INK), line(to, y - 4, to, y + 4, INK)]
      : []),
    label(to + 6, y, figure(median)),
  ];
}

/** Bars of orders a second, in the order of the run. */
function ratePanel(rates: readonly (readonly [string, Summary])[]): string[] {
  const longest = Math.max(...rates.map(([, { max }]) => max));
  const perOrder = BARS_WIDTH / longest;
  const bottom = TOP + rates.length * ROW;
  return [
    label(MARGIN, 60, 'orders/s: median, whisker from the slowest to the fastest round'),
    ...ticks(longest).flatMap((tick) => [
      line(BARS + tick * perOrder, TOP, BARS + tick * perOrder, bottom, GRID),
      label(BARS + tick * perOrder, bottom + 12, whole(tick), 'middle'),
    ]),
    ...rates.flatMap(([name, summary], index) => rateRow(name, summary, TOP + (index + 0.5) * ROW, perOrder)),
  ];
}

/** CPU time of an order of ours as a column, its parts named beside it. */
function cpuPanel(result: BenchResult, height: number): string[] {
  const costs = cpuByProcess(result.throughput[OURS] ?? []);
  if (costs.length === 0) return [];
  const sum = costs.reduce((total, { cpuUsPerOrder }) => total + cpuUsPerOrder, 0);
  let y = TOP;
  const parts = costs.flatMap(({ process, cpuUsPerOrder, share }, index) => {
    const fill = PROCESS_FILLS[index % PROCESS_FILLS.length] ?? INK;
    const box = { x: STACK, y, width: STACK_WIDTH, height: share * height };
    y += box.height;
    const row = TOP + (index + 0.5) * LEGEND_ROW;
    return [
      rectangle(box, fill),
      rectangle({ x: LEGEND, y: row - 6, width: 12, height: 12 }, fill),
      label(LEGEND + 20, row, process),
      label(WIDTH - MARGIN, row, `${figure(cpuUsPerOrder)} µs`, 'end'),
    ];
  });
  return [label(STACK, 60, `CPU of ours by process: ${figure(sum / 1000)} ms an order`), ...parts];
}

/** The picture of a run: rates of all arms, and where the CPU time of ours goes. SVG on a white ground, 880 px wide. */
export function chartSvg(result: BenchResult): string {
  const rates = entriesOf(result.throughput)
    .filter(([name]) => !isAblation(name))
    .flatMap(([name, rounds]): [string, Summary][] => {
      const summary = summaryOf(rounds.map(ordersPerSecond));
      return summary ? [[name, summary]] : [];
    });
  const processes = cpuByProcess(result.throughput[OURS] ?? []).length;
  const height = Math.max(rates.length * ROW, processes * LEGEND_ROW);
  const title = `Orders a second by arm, CPU by process; ${result.quick ? 'quick, ' : ''}${result.startedAt.slice(0, 10)}`;
  const size = { width: WIDTH, height: TOP + height + 32 };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" viewBox="0 0 ${size.width} ${size.height}" font-family="system-ui, sans-serif" font-size="13" fill="${INK}" role="img">`,
    element('title', {}, title),
    rectangle({ x: 0, y: 0, ...size }, '#ffffff'),
    element('text', { x: MARGIN, y: 30, 'font-size': 17, 'font-weight': 'bold' }, title),
    ...(rates.length > 0 ? ratePanel(rates) : []),
    ...cpuPanel(result, height),
    '</svg>',
    '',
  ].join('\n');
}
