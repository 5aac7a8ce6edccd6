-- drain_server: no new matches for a server; those it has go on.
--
-- KEYS[1] servers       hash, server -> JSON record
-- KEYS[2] active_games  sorted set by name, "server/match"
-- KEYS[3] seats         sorted set, servers with a free seat -> a million times the number of their region + load, which is
--                       games per million of capacity
-- ARGV[1] server  [2] generation, or "" for staff
--
-- Returns {"DRAINING", games}, also where it drained already
--         {"STALE"}    a newer registration holds the place; nothing was written
--         {"UNKNOWN"}  not registered, or lost; nothing was written
local servers, active_games, seats = KEYS[1], KEYS[2], KEYS[3]
local id = ARGV[1]

local raw = redis.call('HGET', servers, id)
local record = raw and cjson.decode(raw)
if not record or record.status == 'lost' then return {'UNKNOWN'} end
if ARGV[2] ~= '' and record.generation ~= tonumber(ARGV[2]) then return {'STALE'} end
local games = redis.call('ZLEXCOUNT', active_games, '[' .. id .. '/', '(' .. id .. '0')

record.status = 'draining'
redis.call('HSET', servers, id, cjson.encode(record))
redis.call('ZREM', seats, id)
return {'DRAINING', games}
