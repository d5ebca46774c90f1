-- Become the writer of a prefix.
-- KEYS: writer.  ARGV: registry, token, '1' to take over from another registry.

local writer = KEYS[1]
local registry, token, takeover = ARGV[1], ARGV[2], ARGV[3] == '1'

local verdict = taken(writer, 'hash') or fenced(writer, registry, token)
-- Tokens of two registries say nothing about each other, so a take-over starts at ours.
if verdict and not (takeover and verdict[1] == 'foreign') then return verdict end

remember(writer, registry, token)
return {'ok'}
