-- drop_keyed_call: forget a call with an idempotency key that failed on our side, so that it can be tried again.
--
-- KEYS[1] answers  hash, as begin_keyed_call has it
-- KEYS[2] order    sorted set, as begin_keyed_call has it
-- ARGV[1] key  [2] request, a digest in hex  [3] token of this call
--
-- Returns 1  the key is free
--         0  another call has taken it meanwhile, or it is gone; nothing was written
local answers, order, key = KEYS[1], KEYS[2], ARGV[1]

if redis.call('HGET', answers, key) ~= 'P ' .. ARGV[2] .. ' ' .. ARGV[3] then return 0 end
redis.call('HDEL', answers, key)
redis.call('ZREM', order, key)
return 1
