-- First-come coupons for wrk: one thread; every user asks for a coupon of the first source, then of the next one, and so
-- on. Arguments: the file of tokens (one a line, a user each), how many users ask, and the first source.
local heads, first = {}, 1
local count = 0

function init(args)
  local users = tonumber(args[2])
  for line in io.lines(args[1]) do
    if #heads == users then break end
    heads[#heads + 1] = '/coupons HTTP/1.1\r\nHost: bench\r\nAuthorization: ' .. line .. '\r\nContent-Length: 0\r\n\r\n'
  end
  first = tonumber(args[3])
end

function request()
  local user = count % #heads
  local source = first + (count - user) / #heads
  count = count + 1
  return 'POST /v1/coupon-sources/' .. source .. heads[user + 1]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.3f,"refused":%d,"broken":%d,"p50Ms":%.3f,"p99Ms":%.3f}\n',
    summary.requests, summary.duration / 1e6, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
