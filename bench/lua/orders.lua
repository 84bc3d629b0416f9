-- Orders for wrk: one thread, each request another user, product and key. Arguments: the file of tokens (one a line, a
-- user each), the number of products, the first coupon (0: no coupons), the run's name, and of every
-- 100 orders how many ask for a product that does not exist.
-- A string a request instead of wrk.format and a table: the generator shares the cores with what it measures.
local tokens, products, coupon, run, refused = {}, 1, 0, "run", 0
local count = 0

function init(args)
  for line in io.lines(args[1]) do tokens[#tokens + 1] = line end
  products, coupon, run, refused = tonumber(args[2]), tonumber(args[3]), args[4], tonumber(args[5])
  math.randomseed(20260301)
end

function request()
  count = count + 1
  local user = (count - 1) % #tokens + 1
  local product = math.random(products)
  if refused > 0 and count % 100 < refused then product = 999999999 end
  local body = '{"items":[{"productId":' .. product .. ',"quantity":1}]}'
  -- Coupon c belongs to user (c - 1) % users + 1.
  if coupon > 0 and count % 4 == 0 then
    user = (coupon - 1) % #tokens + 1
    body = '{"items":[{"productId":' .. product .. ',"quantity":1}],"couponId":' .. coupon .. '}'
    coupon = coupon + 1
  end
  return 'POST /v1/orders HTTP/1.1\r\nHost: bench\r\nAuthorization: ' .. tokens[user] .. '\r\nIdempotency-Key: ' .. run ..
    '-' .. count .. '\r\nContent-Type: application/json\r\nContent-Length: ' .. #body .. '\r\n\r\n' .. body
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.3f,"refused":%d,"broken":%d,"p50Ms":%.3f,"p99Ms":%.3f}\n',
    summary.requests, summary.duration / 1e6, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
