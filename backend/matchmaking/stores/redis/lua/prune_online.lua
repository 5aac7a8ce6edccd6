-- prune_online: forget players who have not called for long, some at a time.
--
-- KEYS[1] online       hash, player -> last call at, ms
-- KEYS[2] online_seen  sorted set, the same in order
-- ARGV[1] last called before, ms  [2] at most so many
--
-- Returns how many were forgotten
local gone = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
if #gone == 0 then return 0 end
redis.call('HDEL', KEYS[1], unpack(gone))
redis.call('ZREM', KEYS[2], unpack(gone))
return #gone
