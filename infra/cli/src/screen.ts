import Table from 'cli-table3';

/** Where a command writes. Results go to `out`; progress and hints to `note`, so that a pipe gets results alone. */
export interface Screen {
  /** `--json`: one document, or one a line where a command says so. */
  readonly json: boolean;
  /** A person is looking: lines may be rewritten. */
  readonly interactive: boolean;
  out(text: string): void;
  note(text: string): void;
}

/** Prints a result: as JSON, or as a person reads it. */
export function show(screen: Screen, value: unknown, lines: () => readonly string[]): void {
  screen.out(screen.json ? JSON.stringify(value, null, 2) : lines().join('\n'));
}

const BORDERLESS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

type Cell = string | number | null | undefined;

/** Lines of a table; numbers stand right. No rows: `empty` alone. */
export function tableLines(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  empty: string,
): string[] {
  if (rows.length === 0) return [empty];
  const colAligns = head.map((_, column) =>
    rows.every((row) => typeof (row[column] ?? 0) === 'number') ? ('right' as const) : ('left' as const),
  );
  const style = { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true };
  const table = new Table({ head: [...head], chars: BORDERLESS, style, colAligns });
  table.push(
    ...rows.map((row) => row.map((cell) => (cell === null || cell === undefined ? '–' : String(cell)))),
  );
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd());
}

/** `850 ms`, `3.2 s`, `4 min`, `2.5 h`. */
export function timeText(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}
