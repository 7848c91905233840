-- wrk script: refreshes, each with the newest token of its chain. The chains begin with the bodies in the file $BODIES (one form per
-- line), with $AUTHORIZATION. Of the chains that nobody waits for, the one that waits longest goes on next.
-- Reading answers costs the load generator more than sending what is ready does.
local PREFIX = "grant_type=refresh_token&refresh_token="
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

local headers
local chains = {}
local first, last = 1, 0

local function put(body)
  last = last + 1
  chains[last] = body
end

function init()
  headers = {
    ["Host"] = wrk.headers["Host"],
    ["Content-Type"] = "application/x-www-form-urlencoded",
    ["Accept"] = "application/json",
    ["Authorization"] = os.getenv("AUTHORIZATION"),
  }
  local line = 0
  for body in io.lines(os.getenv("BODIES")) do
    -- No token is used by two threads: that would be a replay.
    if line % tonumber(os.getenv("THREADS")) == number then put(body) end
    line = line + 1
  end
end

function request()
  local body = chains[first]
  if body then
    chains[first] = nil
    first = first + 1
  else
    -- All chains broke off. What is sent now is refused, and counted so.
    body = PREFIX .. "none-left"
  end
  return wrk.format("POST", wrk.path, headers, body)
end

function response(status, _, body)
  local token = status == 200 and body:match('"refresh_token":"([%w%-_.~]+)"')
  if token then put(PREFIX .. token) end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"seconds":%.6f,"refused":%d,"broken":%d,"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f}\n',
    summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency.max / 1e3))
end
