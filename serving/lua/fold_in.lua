-- Replace and remove single lists and names of the live generation.
-- KEYS: writer, events, then live of each hash.
-- ARGV: registry, token, generation, then of each hash: values that follow for HSET, those
--       (field, value, ...), values that follow for HDEL, those (field, ...).

local writer, events = KEYS[1], KEYS[2]
local registry, token, generation = ARGV[1], ARGV[2], ARGV[3]
local SLICE = 1000 -- even, and far below the most values that Lua unpacks

local function each_live(check)
  for i = 3, #KEYS do
    local verdict = check(KEYS[i])
    if verdict then return verdict end
  end
end

local function superseded(live)
  local found = redis.call('HGET', live, '_gen')
  if found ~= generation then return {'superseded', found or ''} end
end

local verdict = taken(writer, 'hash') or taken(events, 'stream') or each_live(not_ours)
  or fenced(writer, registry, token) or each_live(superseded)
if verdict then return verdict end

local at = 4
local function apply(command, live)
  local last = at + tonumber(ARGV[at])
  for from = at + 1, last, SLICE do
    redis.call(command, live, unpack(ARGV, from, math.min(from + SLICE - 1, last)))
  end
  at = last + 1
end

local seq
each_live(function(live)
  apply('HSET', live)
  apply('HDEL', live)
  seq = redis.call('HINCRBY', live, '_seq', 1)
end)
remember(writer, registry, token)
tell(events, 'foldin', generation, seq)
return {'ok', seq}
