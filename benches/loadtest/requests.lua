-- wrk script: POSTs the bodies in the file $BODIES (one form, or JSON object, per line) in turn, with $AUTHORIZATION.
-- Requests are put together before the load starts, so that the generator costs as little as it can.
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local requests = {}
local at = 0

function init()
  local headers = {
    ["Host"] = wrk.headers["Host"],
    ["Content-Type"] = "application/x-www-form-urlencoded",
    ["Accept"] = "application/json",
    ["Authorization"] = os.getenv("AUTHORIZATION"),
  }
  for body in io.lines(os.getenv("BODIES")) do
    if body:sub(1, 1) == "{" then headers["Content-Type"] = "application/json" end
    requests[#requests + 1] = wrk.format("POST", wrk.path, headers, body)
  end
  -- Each thread starts elsewhere, so that two threads do not send the same body one after the other.
  at = math.floor(#requests * number / tonumber(os.getenv("THREADS")))
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"seconds":%.6f,"refused":%d,"broken":%d,"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
