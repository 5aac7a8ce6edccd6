-- refresh_rating: bring up to date what joins read of a player in a queue; an older rating never replaces a newer one.
--
-- KEYS[1] ratings  hash of this player: queue -> rating, "<queue>:games" -> games behind it, "<queue>:traits" -> what
--                  tickets carry of it, "blocks" -> the same of whom he blocks
-- ARGV[1] queue  [2] rating  [3] games behind it  [4] traits  [5] lifetime, ms  [6] blocks, or none to leave them
--
-- Returns {"REFRESHED"}, or {"OLDER"} and only the blocks were written
local games = tonumber(redis.call('HGET', KEYS[1], ARGV[1] .. ':games') or '-1')
local is_older = games > tonumber(ARGV[3])
if ARGV[6] then redis.call('HSET', KEYS[1], 'blocks', ARGV[6]) end
if is_older then return {'OLDER'} end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2], ARGV[1] .. ':games', ARGV[3], ARGV[1] .. ':traits', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return {'REFRESHED'}
