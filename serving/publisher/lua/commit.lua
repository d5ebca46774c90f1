-- Swap a whole staged generation in.
-- KEYS, from the third: live, staging, retired of each hash.
-- ARGV, from the third: generation, model hash, fold-ins covered ('' = any), _meta, store version,
--       '1' to shrink by any number, then of each hash: lists expected ('' = not counted),
--       _default ('' = none).
-- Returns _seq and _version as they are live, which for a repeat may be those of before.

local generation, model_hash, covered, meta, version, force = unpack(ARGV, 3, 8)
local RESERVED = {'_gen', '_seq', '_version', '_meta', '_default'}

local hashes, lives = {}, {}
for i = 1, (#KEYS - 2) / 3 do
  hashes[i] = {
    live = KEYS[3 * i], staging = KEYS[3 * i + 1], retired = KEYS[3 * i + 2],
    expected = ARGV[2 * i + 7], default = ARGV[2 * i + 8],
  }
  lives[i] = hashes[i].live
end

-- What is live: its generation, and whether it is ours (not one of a registry that we took over
-- from, whose numbers say nothing) or the very one that we are about to commit.
local function look(hash)
  local found = redis.call('HMGET', hash.live, '_gen', '_seq', '_meta', '_version')
  local readable, facts = pcall(cjson.decode, found[3])
  hash.generation, hash.seq, hash.version = tonumber(found[1]), found[2], found[4]
  readable = readable and type(facts) == 'table'
  hash.ours = hash.generation and readable and facts.registry == REGISTRY
  hash.same_model = hash.ours and facts.model_hash == model_hash
  hash.same = hash.same_model and found[1] == generation
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

-- Far fewer lists than apps see now, of another model. Nothing to lose, nothing to refuse.
local function shrunk(hash)
  if force == '1' or hash.expected == '' or not hash.generation or hash.same_model then return end
  local before = redis.call('HLEN', hash.live)
  for _, value in ipairs(redis.call('HMGET', hash.live, unpack(RESERVED))) do
    if value then before = before - 1 end
  end
  if tonumber(hash.expected) * 2 < before then return {'shrunk', hash.live, before, hash.expected} end
end

local function moved(hash)
  if covered ~= '' and hash.seq and hash.seq ~= covered then return {'moved', hash.seq} end
end

local verdict = refused(lives)
if verdict then return verdict end

for _, hash in ipairs(hashes) do look(hash) end
-- Our own commit again, its answer lost on the way: done already.
if not first(hashes, function(hash) return not hash.same end) then
  return {'ok', hashes[1].seq, hashes[1].version or 0}
end

verdict = first(hashes, superseded) or first(hashes, shrunk) or first(hashes, incomplete)
  or first(hashes, moved)
if verdict then return verdict end

for _, hash in ipairs(hashes) do
  redis.call('HSET', hash.staging, '_gen', generation, '_seq', 0, '_version', version,
    '_meta', meta)
  if hash.default ~= '' then redis.call('HSET', hash.staging, '_default', hash.default) end
  -- A RENAME onto a live key would free the old lists before it answers (30 ms at 100k lists).
  if hash.generation then redis.call('RENAME', hash.live, hash.retired) end
  redis.call('RENAME', hash.staging, hash.live)
  redis.call('PERSIST', hash.live)
  redis.call('UNLINK', hash.retired)
end
remember()
tell('commit', generation, 0, {})
return {'ok', 0, version}
