-- confirm_match: all players have accepted: the match is created.
--
-- KEYS[1] matches  hash, match id -> its status and the match, of live matches
-- ARGV[1] match id
--
-- Returns {"CONFIRMED"}, or {"SAME"} where it was not waiting for acceptance; then nothing was written
local match = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^pending_acceptance %d+ (.*)$')
if not match then return {'SAME'} end
redis.call('HSET', KEYS[1], ARGV[1], 'created ' .. match)
return {'CONFIRMED'}
