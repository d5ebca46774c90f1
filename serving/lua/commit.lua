-- Swap a whole staged generation in.
-- KEYS: writer, events, then live, staging, retired of each hash.
-- ARGV: registry, token, generation, model hash, fold-ins covered ('' = any), _meta,
--       then of each hash: lists expected ('' = not counted), _default ('' = none).

local writer, events = KEYS[1], KEYS[2]
local registry, token, generation, model_hash, covered, meta = unpack(ARGV, 1, 6)

local hashes = {}
for i = 1, (#KEYS - 2) / 3 do
  hashes[i] = {
    live = KEYS[3 * i], staging = KEYS[3 * i + 1], retired = KEYS[3 * i + 2],
    expected = ARGV[2 * i + 5], default = ARGV[2 * i + 6],
  }
end

local function first(check)
  for _, hash in ipairs(hashes) do
    local verdict = check(hash)
    if verdict then return verdict end
  end
end

-- What is live: its generation, and whether it is ours (not one of a registry that we took over
-- from, whose numbers say nothing) or the very one that we are about to commit.
local function look(hash)
  local found = redis.call('HMGET', hash.live, '_gen', '_seq', '_meta')
  local readable, facts = pcall(cjson.decode, found[3])
  hash.generation, hash.seq = tonumber(found[1]), found[2]
  hash.ours = hash.generation and readable and facts.registry == registry
  hash.same = hash.ours and found[1] == generation and facts.model_hash == model_hash
end

local function superseded(hash)
  -- Our own number and model again is a set that lost a hash and is being made whole.
  if hash.ours and not hash.same and hash.generation >= tonumber(generation) then
    return {'superseded', hash.generation}
  end
end

local function incomplete(hash)
  local verdict = taken(hash.staging, 'hash')
  if verdict then return verdict end
  -- `begin` left this mark: a staging that expired and was written to again lacks it.
  if redis.call('HGET', hash.staging, '_gen') ~= generation then
    return {'incomplete', hash.staging}
  end
  local found = redis.call('HLEN', hash.staging) - 1
  if hash.expected ~= '' and found ~= tonumber(hash.expected) then
    return {'incomplete', hash.staging, hash.expected, found}
  end
end

local function moved(hash)
  if covered ~= '' and hash.seq and hash.seq ~= covered then return {'moved', hash.seq} end
end

local verdict = taken(writer, 'hash') or taken(events, 'stream')
  or first(function(hash) return not_ours(hash.live) end)
  or fenced(writer, registry, token)
if verdict then return verdict end

for _, hash in ipairs(hashes) do look(hash) end
-- Our own commit again, its answer lost on the way: done already.
if not first(function(hash) return not hash.same end) then return {'ok'} end

verdict = first(superseded) or first(incomplete) or first(moved)
if verdict then return verdict end

for _, hash in ipairs(hashes) do
  redis.call('HSET', hash.staging, '_gen', generation, '_seq', 0, '_meta', meta)
  if hash.default ~= '' then redis.call('HSET', hash.staging, '_default', hash.default) end
  -- A RENAME onto a live key would free the old lists before it answers (30 ms at 100k lists).
  if hash.generation then redis.call('RENAME', hash.live, hash.retired) end
  redis.call('RENAME', hash.staging, hash.live)
  redis.call('PERSIST', hash.live)
  redis.call('UNLINK', hash.retired)
end
remember(writer, registry, token)
tell(events, 'commit', generation, 0)
return {'ok'}
