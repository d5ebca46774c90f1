-- Become the writer of a prefix.
-- ARGV, third: '1' to take over from another registry.

local verdict = taken(WRITER, 'hash') or fenced()
-- Tokens of two registries say nothing about each other, so a take-over starts at ours.
if verdict and not (ARGV[3] == '1' and verdict[1] == 'foreign') then return verdict end

remember()
return {'ok'}
