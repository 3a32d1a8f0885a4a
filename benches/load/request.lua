-- One request after another, as the scenario's arguments say: method, path, body, headers (one "name: value" each).
-- `{n}` stands for a number that is never used twice, `{random}` for one up to the number of users.

local counter = 0
local threads = 0

function setup(thread)
  thread:set("id", threads)
  threads = threads + 1
end

function init(args)
  method, path, body, users = args[1], args[2], args[3], tonumber(args[4])
  headers = {}
  for i = 5, #args do
    local name, value = args[i]:match("^([^:]+): (.*)$")
    headers[name] = value
  end
  varied = (path .. body):find("{", 1, true) ~= nil
  if body == "" then body = nil end
  fixed = wrk.format(method, path, headers, body)
  seed = os.time() + id
  math.randomseed(seed)
end

local function vary(text)
  if not text then return nil end
  return (text:gsub("{random}", function() return tostring(math.random(2, users)) end)
              :gsub("{n}", function() return seed .. "-" .. id .. "-" .. counter end))
end

function request()
  if not varied then return fixed end
  counter = counter + 1
  return wrk.format(method, vary(path), headers, vary(body))
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
