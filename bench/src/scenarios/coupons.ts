import { join } from 'node:path';
import { queryAt } from '../arms/ours-shop.ts';
import type { StartedBackends } from '../backends.ts';
import { runWrk } from '../load/wrk.ts';
import type { CouponRun } from '../result.ts';
import type { Report } from './at-rest.ts';

/** A service that answers POST /v1/coupon-sources/{id}/coupons over the tables coupon_sources and coupons. */
export interface CouponShop {
  readonly name: CouponRun['name'];
  readonly url: string;
  /** Superuser's. */
  readonly databaseUrl: string;
}

/**
 * A user gets one coupon of a source, so sources are sold out one after the other: 1,000 users ask for the 500 coupons
 * of each. Half of the requests are refused, and all 256 in flight are at the same source: its row is the hot one.
 */
const USERS = 1_000;
const QUANTITY = USERS / 2;
const CONNECTIONS = 256;
/** Sources that are laid out for a second: 40,000 requests. */
const SOURCES_A_SECOND = 40;
const WARM_UP_S = 3;
const SCRIPT = join(import.meta.dirname, '..', '..', 'lua', 'coupons.lua');

/**
 * How many coupons a second come out of sources that everybody asks at once. The count is exact or the run is void.
 * @throws Error naming each source that gave more or fewer coupons than it had, or somebody two
 */
export async function measureCoupons(
  shop: CouponShop,
  backends: StartedBackends,
  seconds: number,
  report: Report,
): Promise<CouponRun> {
  report(`coupons, ${shop.name}: ${USERS} users ask for ${QUANTITY} coupons of each source, ${seconds} s`);
  await race(shop, backends, WARM_UP_S);
  const { first, requests, seconds: elapsed, p50Ms, p99Ms } = await race(shop, backends, seconds);
  const sources = await readSources(shop, first);
  const violations = violationsOf(sources);
  if (violations.length > 0) throw new Error(`coupons of ${shop.name}:\n${violations.join('\n')}`);
  return {
    name: shop.name,
    issuedPerSecond: issuedPerSecond(sources),
    requestsPerSecond: requests / elapsed,
    p50Ms,
    p99Ms,
  };
}

async function race(shop: CouponShop, backends: StartedBackends, seconds: number) {
  const first = await layOutSources(shop, seconds * SOURCES_A_SECOND);
  const words = [backends.userTokens.file(), String(USERS), String(first)];
  const result = await runWrk({ url: shop.url, script: SCRIPT, words, connections: CONNECTIONS, seconds });
  if (result.broken > 0) throw new Error(`${result.broken} requests for coupons had no answer`);
  return { first, ...result };
}

/** @returns the first one's id; the others follow it */
async function layOutSources({ databaseUrl }: CouponShop, count: number): Promise<number> {
  const [row] = await queryAt<{ first: string }>(
    databaseUrl,
    `WITH laid AS (
       INSERT INTO coupon_sources (name, discount_amount, quantity, initial_quantity)
       SELECT 'Race', 1, $1, $1 FROM generate_series(1, $2) RETURNING id)
     SELECT min(id) AS first FROM laid`,
    [QUANTITY, count],
  );
  return Number(row?.first);
}

/** A source after the race. Times are those of commits, ms; null when nobody has asked for its coupons. */
export interface RacedSource {
  readonly id: number;
  readonly initial: number;
  readonly left: number;
  readonly issued: number;
  readonly holders: number;
  readonly firstIssueMs: number | null;
}

/** In the order in which they were asked. */
function readSources({ databaseUrl }: CouponShop, first: number): Promise<RacedSource[]> {
  return queryAt<RacedSource>(
    databaseUrl,
    `SELECT s.id::int, s.initial_quantity AS initial, s.quantity AS left, count(c.id)::int AS issued,
            count(DISTINCT c.user_id)::int AS holders,
            (extract(epoch FROM min(pg_xact_commit_timestamp(c.xmin))) * 1000)::float8 AS "firstIssueMs"
       FROM coupon_sources s LEFT JOIN coupons c ON c.coupon_source_id = s.id
      WHERE s.id >= $1 GROUP BY s.id ORDER BY s.id`,
    [first],
  );
}

const asked = (sources: readonly RacedSource[]) =>
  sources.filter((source): source is RacedSource & { firstIssueMs: number } => source.firstIssueMs !== null);

/** All but the last source that was asked are sold out: 1,000 users had asked, less than 256 of them without an answer. */
export function violationsOf(sources: readonly RacedSource[]): string[] {
  const last = asked(sources).at(-1)?.id ?? 0;
  return sources.flatMap(({ id, initial, left, issued, holders }) => [
    ...(issued + left === initial ? [] : [`source ${id}: ${issued} issued and ${left} left of ${initial}`]),
    ...(holders === issued ? [] : [`source ${id}: ${holders} users hold ${issued} coupons`]),
    ...(id < last && left > 0 ? [`source ${id}: ${left} left although everybody asked`] : []),
    ...(id === sources.at(-1)?.id && issued > 0 ? [`source ${id} was the last: too few were laid out`] : []),
  ]);
}

/** Over whole sources, each with its refusals: from the first coupon of the first one to the first of the last one. */
export function issuedPerSecond(sources: readonly RacedSource[]): number {
  const raced = asked(sources);
  const [first, last] = [raced[0], raced.at(-1)];
  if (!first || !last || raced.length < 3)
    throw new Error(`only ${raced.length} sources were asked: too slow to tell`);
  const issued = raced.slice(0, -1).reduce((sum, source) => sum + source.issued, 0);
  return (issued / (last.firstIssueMs - first.firstIssueMs)) * 1000;
}
