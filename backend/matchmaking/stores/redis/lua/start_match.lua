-- start_match: the server has its match now.
--
-- KEYS[1] matches  hash, match id -> its status and the match, of live matches
-- KEYS[2] outbox   hash, match id -> epoch, of matches that are not announced
-- ARGV[1] match id
--
-- Returns {"STARTED"}, or {"SAME"} where it had started, has ended or is not announced; then nothing was written
local found = redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 and redis.call('HGET', KEYS[1], ARGV[1])
local match = found and string.match(found, '^created (.*)$')
if not match then return {'SAME'} end
redis.call('HSET', KEYS[1], ARGV[1], 'in_progress ' .. match)
return {'STARTED'}
