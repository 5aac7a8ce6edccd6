-- start_match: the server has its match now.
--
-- KEYS[1] match   string, its status and the match
-- KEYS[2..]       the tickets of its players (hashes)
-- ARGV[1] match id
--
-- Returns {"STARTED"}, or {"SAME"} where it had started, has ended or is not known; then nothing was written
local found = redis.call('GET', KEYS[1])
local match = found and string.match(found, '^created (.*)$')
if not match then return {'SAME'} end
redis.call('SET', KEYS[1], 'in_progress ' .. match, 'KEEPTTL')
for place = 2, #KEYS do
  if redis.call('HGET', KEYS[place], 'match_id') == ARGV[1] then
    redis.call('HSET', KEYS[place], 'match_status', 'in_progress')
  end
end
return {'STARTED'}
