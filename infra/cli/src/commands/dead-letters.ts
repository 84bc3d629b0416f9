import { createInterface } from 'node:readline/promises';
import type { DataOf } from '@orderflow/client/api-types';
import { CommandFailure, EXIT } from '../failure.ts';
import { show, tableLines, type Screen } from '../screen.ts';
import type { Target } from '../target.ts';
import { noteAbsent } from './health.ts';

export const SERVICES = ['order', 'payment', 'product', 'coupon', 'user-balance'] as const;
export type Service = (typeof SERVICES)[number];

export const REASONS = [
  'UNPARSEABLE',
  'SCHEMA',
  'UNKNOWN_TYPE',
  'UNKNOWN_VERSION',
  'KEY_MISMATCH',
  'UNSUPPORTED_COMPRESSION',
  'FAULT',
  'REFUND_WITHOUT_CHARGE',
] as const;

export interface Filter {
  readonly step?: string | undefined;
  readonly topic?: string | undefined;
  readonly reason?: (typeof REASONS)[number] | undefined;
}

type List = DataOf<'/v1/ops/dead-letters', 'get'>;

/** A message's bytes as the API shows them, on one line. */
function bytesText(bytes: { readonly encoding: string; readonly text: string } | null): string {
  if (bytes === null) return 'null';
  return bytes.encoding === 'utf8' ? bytes.text : `base64 ${bytes.text}`;
}

/** Parked messages, newest first. */
export async function listDeadLetters(
  target: Target,
  options: Filter & { readonly service?: Service | undefined; readonly all: boolean; readonly limit: number },
  screen: Screen,
): Promise<number> {
  const { all, limit, ...filter } = options;
  const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
  const operator = target.operator();
  const rows: List['data'][number][] = [];
  let cursor: string | undefined;
  const unavailable = new Set<Service>();
  do {
    const query = {
      ...given,
      includeClosed: all ? ('true' as const) : ('false' as const),
      limit: Math.min(limit - rows.length, 100),
      ...(cursor === undefined ? {} : { cursor }),
    };
    const page: List = await operator.get('/v1/ops/dead-letters', { params: { query } });
    rows.push(...page.data);
    for (const service of page.unavailable) unavailable.add(service);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined && rows.length < limit);
  show(screen, { data: rows, unavailable: [...unavailable] }, () =>
    tableLines(
      ['service', 'id', 'step', 'from', 'event', 'reason', 'parked', all ? 'outcome' : ''],
      rows.map((row) => [
        row.service,
        row.id,
        row.step,
        `${row.topic} ${row.partition}/${row.offset}`,
        row.eventId,
        row.reason,
        row.parkedAt,
        all ? (row.outcome ?? 'open') : '',
      ]),
      'No dead letters.',
    ),
  );
  return noteAbsent([...unavailable], screen);
}

/** One parked message with its headers and value. */
export async function showDeadLetter(
  target: Target,
  service: Service,
  id: number,
  screen: Screen,
): Promise<number> {
  const params = { path: { service, id } };
  const letter = await target.operator().get('/v1/ops/dead-letters/{service}/{id}', { params });
  show(screen, letter, () => [
    `Dead letter ${letter.id} of ${letter.service}, step ${letter.step}`,
    `  ${letter.reason}: ${letter.error}`,
    `  from ${letter.topic}, partition ${letter.partition}, offset ${letter.offset}, parked ${letter.parkedAt}`,
    letter.closedAt === null
      ? '  open'
      : `  ${letter.outcome ?? 'closed'} ${letter.closedAt} by user ${letter.closedBy ?? '?'}: ${letter.note ?? ''}`,
    `  key ${bytesText(letter.key)}`,
    ...letter.headers.map(({ name, value }) => `  ${name}: ${bytesText(value)}`),
    '',
    bytesText(letter.value),
  ]);
  return 0;
}

export interface CloseOptions extends Filter {
  readonly service: Service;
  readonly ids: readonly number[];
  readonly dryRun: boolean;
  readonly note: string;
  /** Replays a second. */
  readonly rate?: number | undefined;
  /** Without asking first. */
  readonly yes: boolean;
}

type Given = { [Key in keyof Filter]: Exclude<Filter[Key], undefined> };

/** Either ids or conditions: what is chosen is never a matter of reading the call twice. */
function chosen({ ids, step, topic, reason }: CloseOptions): { ids: number[] } | { filter: Given } {
  const filter: Given = {
    ...(step === undefined ? {} : { step }),
    ...(topic === undefined ? {} : { topic }),
    ...(reason === undefined ? {} : { reason }),
  };
  const filtered = Object.keys(filter).length > 0;
  if (ids.length > 0 && filtered) throw new CommandFailure('Name ids or conditions, not both', EXIT.usage);
  if (ids.length === 0 && !filtered) {
    throw new CommandFailure('Which ones? Name ids, or --step, --topic, --reason', EXIT.usage);
  }
  return ids.length > 0 ? { ids: [...ids] } : { filter };
}

async function confirmed(question: string, screen: Screen, yes: boolean): Promise<boolean> {
  if (yes || !screen.interactive) return true;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test(await terminal.question(`${question} [y/N] `));
  } finally {
    terminal.close();
  }
}

type Part = DataOf<'/v1/ops/dead-letters/replay', 'post'> | DataOf<'/v1/ops/dead-letters/discard', 'post'>;

/**
 * Replays or discards, request by request until nothing remains.
 * @returns 1 when some were refused
 */
export async function closeDeadLetters(
  target: Target,
  action: 'replay' | 'discard',
  options: CloseOptions,
  screen: Screen,
): Promise<number> {
  const choice = chosen(options);
  const { service, dryRun, rate } = options;
  const body = { service, ...choice, reason: options.note };
  const operator = target.operator();
  const send = (more: { dryRun: boolean; after?: number }): Promise<Part> =>
    action === 'replay'
      ? operator.post('/v1/ops/dead-letters/replay', {
          body: { ...body, ...more, ...(rate === undefined ? {} : { ratePerSecond: rate }) },
        })
      : operator.post('/v1/ops/dead-letters/discard', { body: { ...body, ...more } });
  if (!dryRun && screen.interactive && !options.yes) {
    const { matched } = await send({ dryRun: true });
    if (!(await confirmed(`${action} ${matched} dead letters of ${service}?`, screen, options.yes))) {
      throw new CommandFailure('Nothing was done', EXIT.failed);
    }
  }
  const sum = {
    action,
    service,
    dryRun,
    matched: 0,
    replayed: 0,
    noEffect: 0,
    discarded: 0,
    refused: [] as Part['refused'],
  };
  let after: number | undefined;
  do {
    const part = await send({ dryRun, ...(after === undefined ? {} : { after }) });
    sum.matched ||= part.matched;
    if ('discarded' in part) sum.discarded += part.discarded;
    else {
      sum.replayed += part.replayed;
      sum.noEffect += part.noEffect;
    }
    sum.refused.push(...part.refused);
    after = part.nextAfter ?? undefined;
    if (after !== undefined) screen.note(`${sum.matched - part.remaining} of ${sum.matched} …`);
  } while (after !== undefined);
  show(screen, sum, () => [
    `${dryRun ? 'Dry run, nothing changed: ' : ''}${sum.matched} matched, ${
      action === 'replay'
        ? `${sum.replayed} replayed, ${sum.noEffect} without effect`
        : `${sum.discarded} discarded`
    }, ${sum.refused.length} refused`,
    ...sum.refused.map(({ id, code, why }) => `  ${id} ${code}: ${why}`),
  ]);
  return sum.refused.length > 0 ? EXIT.failed : 0;
}
