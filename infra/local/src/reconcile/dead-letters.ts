import { SERVICE_NAMES, type ServiceName } from '../ports.ts';
import type { Books } from './books.ts';
import type { Findings } from './invariants.ts';

/** Open dead letters; a service without any is not there. */
export type DeadLetterCounts = Readonly<Partial<Record<ServiceName, number>>>;

interface OpenLetters {
  readonly step: string;
  readonly topic: string;
  readonly reason: string;
  readonly count: number;
}

function readOpen(books: Books, service: ServiceName): Promise<readonly OpenLetters[]> {
  return books.query<OpenLetters>(
    service,
    `SELECT step, topic, reason, count(*) AS count FROM dead_letters WHERE closed_at IS NULL
      GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`,
  );
}

const sum = (letters: readonly OpenLetters[]) => letters.reduce((total, { count }) => total + count, 0);

/** Counts what is parked and not closed. */
export async function countDeadLetters(books: Books): Promise<DeadLetterCounts> {
  const counts: Partial<Record<ServiceName, number>> = {};
  for (const service of SERVICE_NAMES) {
    const open = sum(await readOpen(books, service));
    if (open > 0) counts[service] = open;
  }
  return counts;
}

/** I11: nothing was parked besides what was to be, and nothing of that is missing. */
export async function checkDeadLetters(books: Books, expected: number, findings: Findings): Promise<void> {
  const rows: Partial<Record<ServiceName, readonly OpenLetters[]>> = {};
  let open = 0;
  for (const service of SERVICE_NAMES) {
    const letters = await readOpen(books, service);
    if (letters.length > 0) rows[service] = letters;
    open += sum(letters);
  }
  findings.checked('I11', 'open dead letters', open);
  if (open === expected) return;
  const problem = `${open} are open and ${expected} were expected`;
  findings.violated('I11', { subject: 'dead letters', problem, rows }, Math.abs(open - expected));
}
