-- refresh_rating: bring the rating that joins read up to date; an older one never replaces a newer one.
--
-- KEYS[1] ratings  hash, queue -> rating of this player, "<queue>:games" -> games behind it
-- ARGV[1] queue  [2] rating  [3] games behind it  [4] lifetime, ms
--
-- Returns {"REFRESHED"}, or {"OLDER"} and nothing was written
local games = tonumber(redis.call('HGET', KEYS[1], ARGV[1] .. ':games') or '-1')
if games > tonumber(ARGV[3]) then return {'OLDER'} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2], ARGV[1] .. ':games', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {'REFRESHED'}
