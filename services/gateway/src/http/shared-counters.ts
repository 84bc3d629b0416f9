import { createHash } from 'node:crypto';
import type { RedisLink } from '@orderflow/service-runtime/redis';
import type { RateCounters, Taken } from './rate-counters.ts';
import { windowMs } from './rate-window.ts';

/**
 * A request under all its limits in one round trip, by Redis's clock, which all instances share. A value is
 * "window:current:previous"; a refused request writes nothing. Answers { admitted, milliseconds into the window,
 * current and previous of each key }.
 */
const script = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local size = tonumber(ARGV[1])
local window = math.floor(now / size)
local into = now - window * size
local answer = { 1, into }
local counts = {}
for i, key in ipairs(KEYS) do
  local current, previous = 0, 0
  local value = redis.call('GET', key)
  if value then
    local of, last, before = string.match(value, '^(%d+):(%d+):(%d+)$')
    of = tonumber(of)
    if of == window then current, previous = tonumber(last), tonumber(before)
    elseif of == window - 1 then previous = tonumber(last) end
  end
  if previous * (size - into) / size + current + 1 > tonumber(ARGV[i + 1]) then answer[1] = 0 end
  counts[i] = { current, previous }
end
for i, key in ipairs(KEYS) do
  local current, previous = counts[i][1], counts[i][2]
  if answer[1] == 1 then
    current = current + 1
    redis.call('SET', key, string.format('%d:%d:%d', window, current, previous), 'PX', 2 * size)
  end
  answer[#answer + 1] = current
  answer[#answer + 1] = previous
end
return answer
`;
const scriptHash = createHash('sha1').update(script).digest('hex');

/**
 * Counts in Redis, for all instances together. A request that Redis does not count, because it is away or hangs (one
 * request waits 250 ms to learn that), is counted by `fallback`: none is refused because Redis is away.
 */
export function createSharedCounters(redis: RedisLink, fallback: RateCounters): RateCounters {
  return {
    async take(limits) {
      const values = [...limits.map(({ key }) => key), windowMs, ...limits.map(({ max }) => max)];
      const answer = await redis.attempt((client) =>
        client.evalsha(scriptHash, limits.length, ...values).catch((error: unknown) => {
          // A Redis that was restarted or flushed has forgotten the script.
          if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
          return client.eval(script, limits.length, ...values);
        }),
      );
      return answer === undefined ? fallback.take(limits) : takenOf(answer as number[]);
    },
  };
}

function takenOf([admitted, intoMs = 0, ...counts]: number[]): Taken {
  const passed = [];
  for (let at = 0; at < counts.length; at += 2) {
    passed.push({ current: counts[at] ?? 0, previous: counts[at + 1] ?? 0 });
  }
  return { admitted: admitted === 1, passed, intoMs };
}
