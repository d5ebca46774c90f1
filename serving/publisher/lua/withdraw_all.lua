-- Take all lists, names and infos away: there is nothing left to recommend.
-- KEYS, from the third: live of each hash.

local lives = {unpack(KEYS, 3)}
local verdict = refused(lives)
if verdict then return verdict end

for _, live in ipairs(lives) do redis.call('UNLINK', live) end
remember()
return {'ok'}
