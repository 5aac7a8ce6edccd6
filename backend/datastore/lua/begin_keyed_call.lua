-- begin_keyed_call: note that a call with an idempotency key begins, or tell what became of the first one.
--
-- KEYS[1] answers  hash, key -> "P <request> <token>" while under way, "D <request> <answer>" once answered
-- KEYS[2] order    sorted set, key -> when it began or was answered, ms of this server's clock
-- ARGV[1] key  [2] request, a digest in hex  [3] token of this call  [4] longest time under way, ms
-- ARGV[5] lifetime of an answer, ms  [6] answers kept of this caller, at most
--
-- Returns {"BEGUN"}             noted: go on, and finish or drop it
--         {"DONE", answer}      the first call's answer; nothing was written
--         {"UNDER_WAY", ms}     the first call has no answer yet, and may take that long; nothing was written
--         {"OTHER_REQUEST"}     the key belongs to another request; nothing was written
local answers, order, key, request = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local lifetime = tonumber(ARGV[5])

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local known, noted = redis.call('HGET', answers, key), redis.call('ZSCORE', order, key)
if known and noted then
  local state, first, rest = string.match(known, '^(%u) (%x+) (.*)$')
  local left = noted + (state == 'D' and lifetime or tonumber(ARGV[4])) - now
  if left > 0 and first ~= request then return {'OTHER_REQUEST'} end
  if left > 0 and state == 'D' then return {'DONE', rest} end
  if left > 0 then return {'UNDER_WAY', left} end
end
local outlived = redis.call('ZRANGEBYSCORE', order, '-inf', now - lifetime, 'LIMIT', 0, 100)
local surplus = redis.call('ZCARD', order) + 1 - tonumber(ARGV[6])
local oldest = surplus > 0 and redis.call('ZRANGE', order, 0, math.min(surplus, 100) - 1) or {}

for _, gone in ipairs({outlived, oldest}) do
  if #gone > 0 then
    redis.call('HDEL', answers, unpack(gone))
    redis.call('ZREM', order, unpack(gone))
  end
end
redis.call('HSET', answers, key, 'P ' .. request .. ' ' .. ARGV[3])
redis.call('ZADD', order, now, key)
redis.call('PEXPIRE', answers, lifetime)
redis.call('PEXPIRE', order, lifetime)
return {'BEGUN'}
