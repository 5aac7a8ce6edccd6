-- refresh_blocks: bring up to date whom a player blocks, where joins read of this player at all.
--
-- KEYS[1] ratings  hash of this player, see refresh_rating
-- ARGV[1] blocks, as tickets carry them
--
-- Returns {"REFRESHED"}, or {"UNKNOWN"} and nothing was written: the next join asks PostgreSQL
if redis.call('EXISTS', KEYS[1]) == 0 then return {'UNKNOWN'} end
redis.call('HSET', KEYS[1], 'blocks', ARGV[1])
return {'REFRESHED'}
