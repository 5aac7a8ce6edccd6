-- start_match: the server has its match now.
--
-- KEYS[1] match   hash
-- KEYS[2..]       the tickets of its players (hashes)
-- ARGV[1] match id
--
-- Returns {"STARTED"}, or {"SAME"} where it had started, has ended or is not known; then nothing was written
if redis.call('HGET', KEYS[1], 'status') ~= 'created' then return {'SAME'} end
redis.call('HSET', KEYS[1], 'status', 'in_progress')
for place = 2, #KEYS do
  if redis.call('HGET', KEYS[place], 'match_id') == ARGV[1] then
    redis.call('HSET', KEYS[place], 'match_status', 'in_progress')
  end
end
return {'STARTED'}
