-- start_match: the server has its match now.
--
-- KEYS[1] matches hash, match id -> its status and the match, of live matches
-- KEYS[2..]       the tickets of its players (hashes)
-- ARGV[1] match id
--
-- Returns {"STARTED"}, or {"SAME"} where it had started, has ended or is not known; then nothing was written
local found = redis.call('HGET', KEYS[1], ARGV[1])
local match = found and string.match(found, '^created (.*)$')
if not match then return {'SAME'} end
redis.call('HSET', KEYS[1], ARGV[1], 'in_progress ' .. match)
for place = 2, #KEYS do
  if redis.call('HGET', KEYS[place], 'match_id') == ARGV[1] then
    redis.call('HSET', KEYS[place], 'match_status', 'in_progress')
  end
end
return {'STARTED'}
