-- Shared by all scripts. Lua in Redis has no roll-back, so each script first finds every reason
-- not to act, returns the first as a verdict, {word, facts...}, and only then writes.
-- Of each script the first KEYS are writer and events, the first ARGV registry and token, and the
-- last ARGV host, process number and start of the writer.

local WRITER, EVENTS, REGISTRY, TOKEN = KEYS[1], KEYS[2], ARGV[1], ARGV[2]

-- The first verdict that `check` returns for one of these.
local function first(things, check)
  for _, thing in ipairs(things) do
    local verdict = check(thing)
    if verdict then return verdict end
  end
end

-- A key that holds something else than `kind`.
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

-- After a FLUSHALL no writer is known, and the next writer is let in; tokens sort out the rest.
local function fenced()
  local seen = redis.call('HMGET', WRITER, 'registry', 'token', 'host', 'pid', 'since')
  local owner = {seen[3] or '', seen[4] or '', seen[5] or ''}
  if seen[1] and seen[1] ~= REGISTRY then return {'foreign', seen[1], unpack(owner)} end
  if (tonumber(seen[2]) or 0) > tonumber(TOKEN) then return {'outrun', seen[2], unpack(owner)} end
end

-- Why this writer must not change these live hashes.
local function refused(lives)
  return taken(WRITER, 'hash') or taken(EVENTS, 'stream') or first(lives, not_ours) or fenced()
end

local function remember()
  local host, pid, since = unpack(ARGV, #ARGV - 2)
  redis.call('HSET', WRITER, 'registry', REGISTRY, 'token', TOKEN,
    'host', host, 'pid', pid, 'since', since)
end

-- `changed`: name and JSON array of each side's ids, in turn; '' where they were too many.
local function tell(kind, generation, seq, changed)
  local fields = {'kind', kind, 'generation', generation, 'seq', seq}
  local text = string.format('{"kind":"%s","generation":%s,"seq":%s', kind, generation, seq)
  for i = 1, #changed, 2 do
    local side, ids = changed[i], changed[i + 1]
    if ids ~= '' then
      fields[#fields + 1], fields[#fields + 2] = side, ids
      text = text .. ',"' .. side .. '":' .. ids
    end
  end
  redis.call('XADD', EVENTS, 'MAXLEN', '~', 1000, '*', unpack(fields))
  redis.call('PUBLISH', EVENTS, text .. '}')
end
