-- Take all lists and names away: there is nothing left to recommend.
-- KEYS: writer, events, then live of each hash.  ARGV: registry, token.

local writer, events = KEYS[1], KEYS[2]
local registry, token = ARGV[1], ARGV[2]

local verdict = taken(writer, 'hash') or taken(events, 'stream')
for i = 3, #KEYS do verdict = verdict or not_ours(KEYS[i]) end
verdict = verdict or fenced(writer, registry, token)
if verdict then return verdict end

for i = 3, #KEYS do redis.call('UNLINK', KEYS[i]) end
remember(writer, registry, token)
return {'ok'}
