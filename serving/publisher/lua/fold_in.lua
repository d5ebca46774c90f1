-- Replace and remove single lists, names and infos of the live generation.
-- KEYS, from the third: live of each hash.
-- ARGV, from the third: generation, _seq and _version that are live as the caller believes, those
--       that are to be, changed artists and venues ('' or a JSON array), then of each hash: values
--       that follow for HSET, those (field, value, ...), values that follow for HDEL, those
--       (field, ...).

local generation, held_seq, held_version, seq, version, artists, venues = unpack(ARGV, 3, 9)
local lives = {unpack(KEYS, 3)}
local SLICE = 1000 -- even, and far below the most values that Lua unpacks

local function superseded(live)
  local found = redis.call('HGET', live, '_gen')
  if found ~= generation then return {'superseded', found or ''} end
end

-- Older lists of the same generation came back, or our own fold-in whose answer was lost.
local function moved(live)
  local found = redis.call('HMGET', live, '_seq', '_version')
  if found[1] ~= held_seq or found[2] ~= held_version then return {'moved', found[1] or ''} end
end

local verdict = refused(lives) or first(lives, superseded) or first(lives, moved)
if verdict then return verdict end

local at = 10
local function apply(command, live)
  local last = at + tonumber(ARGV[at])
  for from = at + 1, last, SLICE do
    redis.call(command, live, unpack(ARGV, from, math.min(from + SLICE - 1, last)))
  end
  at = last + 1
end

for _, live in ipairs(lives) do
  apply('HSET', live)
  apply('HDEL', live)
  redis.call('HSET', live, '_seq', seq, '_version', version)
end
remember()
tell('foldin', generation, seq, {'artists', artists, 'venues', venues})
return {'ok'}
