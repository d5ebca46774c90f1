-- Replace the _meta of the live generation.
-- KEYS, from the third: live of each hash.
-- ARGV, from the third: generation, _meta.

local generation, meta = unpack(ARGV, 3, 4)
local lives = {unpack(KEYS, 3)}

local function superseded(live)
  local found = redis.call('HGET', live, '_gen')
  if found ~= generation then return {'superseded', found or ''} end
end

local verdict = refused(lives) or first(lives, superseded)
if verdict then return verdict end

for _, live in ipairs(lives) do redis.call('HSET', live, '_meta', meta) end
remember()
return {'ok'}
