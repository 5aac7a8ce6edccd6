-- forget_server: remove a lost server whose matches are all settled.
--
-- KEYS[1] servers         hash, server -> JSON record
-- KEYS[2] last_heartbeat  sorted set, server -> ms
-- KEYS[3] active_games    sorted set by name, "server/match"
-- KEYS[4] offers          hash, server -> "capacity|number of its region|seat as JSON"
-- KEYS[5] regions         hash, region -> its number
-- ARGV[1] server
--
-- Returns {"FORGOTTEN"}, or {"KEPT"} where it still has games, has registered again or is not known
local servers, last_heartbeat, active_games = KEYS[1], KEYS[2], KEYS[3]
local id = ARGV[1]

local raw = redis.call('HGET', servers, id)
local games = redis.call('ZLEXCOUNT', active_games, '[' .. id .. '/', '(' .. id .. '0')
if not raw or cjson.decode(raw).status ~= 'lost' or games > 0 then return {'KEPT'} end
redis.call('HDEL', servers, id)
redis.call('ZREM', last_heartbeat, id)
redis.call('HDEL', KEYS[4], id)
if redis.call('EXISTS', servers) == 0 then redis.call('DEL', KEYS[5]) end
return {'FORGOTTEN'}
