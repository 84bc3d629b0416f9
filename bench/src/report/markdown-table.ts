export interface Column<Row> {
  readonly head: string;
  readonly align: 'left' | 'right';
  readonly cell: (row: Row) => string;
}

/** A column of words. */
export const left = <Row>(head: string, cell: (row: Row) => string): Column<Row> => ({
  head,
  align: 'left',
  cell,
});

/** A column of figures. */
export const right = <Row>(head: string, cell: (row: Row) => string): Column<Row> => ({
  head,
  align: 'right',
  cell,
});

const escaped = (text: string) => text.replaceAll('|', '\\|');

function rule(align: Column<never>['align'], width: number): string {
  return align === 'left' ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`;
}

/** A table as prettier leaves it, padded to its widest cells; nothing without rows. */
export function markdownTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  const padded = columns.map(({ head, align, cell }) => {
    const [title = '', ...cells] = [head, ...rows.map(cell)].map(escaped);
    const width = Math.max(3, ...[title, ...cells].map((text) => [...text].length));
    const pad = (text: string) => (align === 'left' ? text.padEnd(width) : text.padStart(width));
    return [pad(title), rule(align, width), ...cells.map(pad)];
  });
  const lines = [0, 1, ...rows.map((_, index) => index + 2)];
  return [lines.map((line) => `| ${padded.map((cells) => cells[line] ?? '').join(' | ')} |`).join('\n')];
}
