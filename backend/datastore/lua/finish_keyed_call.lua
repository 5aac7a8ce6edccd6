-- finish_keyed_call: keep the answer of a call with an idempotency key, if the call still holds the key.
--
-- KEYS[1] answers  hash, as begin_keyed_call has it
-- KEYS[2] order    sorted set, as begin_keyed_call has it
-- ARGV[1] key  [2] request, a digest in hex  [3] token of this call  [4] answer  [5] its lifetime, ms
--
-- Returns 1  the answer is kept
--         0  another call has taken the key meanwhile, or it is gone; nothing was written
local answers, order, key, request = KEYS[1], KEYS[2], ARGV[1], ARGV[2]

if redis.call('HGET', answers, key) ~= 'P ' .. request .. ' ' .. ARGV[3] then return 0 end
local time = redis.call('TIME')

redis.call('HSET', answers, key, 'D ' .. request .. ' ' .. ARGV[4])
redis.call('ZADD', order, tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000), key)
redis.call('PEXPIRE', answers, ARGV[5])
redis.call('PEXPIRE', order, ARGV[5])
return 1
