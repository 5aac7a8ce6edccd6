-- lose_server: a server is gone: no match goes there any more; answer which matches it leaves behind.
--
-- KEYS[1] servers         hash, server -> JSON record
-- KEYS[2] last_heartbeat  sorted set, server -> ms
-- KEYS[3] seats           sorted set, servers with a free seat -> a million times the number of their region + load, which is
--                         games per million of capacity
-- KEYS[4] active_games    sorted set by name, "server/match"
-- ARGV[1] server  [2] generation, or "" for whichever  [3] only if its last heartbeat was before, ms, or ""
--
-- Returns {"LOST", match_id...}  also where it was lost already
--         {"ALIVE"}    it has called meanwhile; nothing was written
--         {"STALE"}    a newer registration holds the place; nothing was written
--         {"UNKNOWN"}  not registered; nothing was written
local servers, last_heartbeat, seats, active_games = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, before = ARGV[1], tonumber(ARGV[3])

local raw = redis.call('HGET', servers, id)
local record = raw and cjson.decode(raw)
if not record then return {'UNKNOWN'} end
if ARGV[2] ~= '' and record.generation ~= tonumber(ARGV[2]) then return {'STALE'} end
local seen = redis.call('ZSCORE', last_heartbeat, id)
if record.status ~= 'lost' and before and seen and tonumber(seen) >= before then return {'ALIVE'} end
local answer = {'LOST'}
for _, game in ipairs(redis.call('ZRANGEBYLEX', active_games, '[' .. id .. '/', '(' .. id .. '0')) do
  answer[#answer + 1] = string.sub(game, #id + 2)
end

record.status = 'lost'
redis.call('HSET', servers, id, cjson.encode(record))
redis.call('ZREM', seats, id)
return answer
