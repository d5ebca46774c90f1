-- Shared by all scripts. Lua in Redis has no roll-back, so each script first finds every reason
-- not to act, returns the first as a verdict, {word, facts...}, and only then writes.

-- The first key that holds something else than `kind`.
local function taken(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= kind then return {'taken', key, found} end
end

-- A hash of this name that is not ours must not be renamed away.
local function not_ours(live)
  local verdict = taken(live, 'hash')
  if verdict then return verdict end
  if redis.call('EXISTS', live) == 1 and not redis.call('HGET', live, '_gen') then
    return {'taken', live, 'hash'}
  end
end

-- After a FLUSHALL nobody is known, and the next writer is let in; tokens sort out the rest.
local function fenced(writer, registry, token)
  local seen = redis.call('HMGET', writer, 'registry', 'token')
  if seen[1] and seen[1] ~= registry then return {'foreign', seen[1]} end
  if (tonumber(seen[2]) or 0) > tonumber(token) then return {'outrun', seen[2]} end
end

local function remember(writer, registry, token)
  redis.call('HSET', writer, 'registry', registry, 'token', token)
end

local function tell(events, kind, generation, seq)
  redis.call('XADD', events, 'MAXLEN', '~', 1000, '*',
    'kind', kind, 'generation', generation, 'seq', seq)
  redis.call('PUBLISH', events,
    string.format('{"kind":"%s","generation":%s,"seq":%s}', kind, generation, seq))
end
