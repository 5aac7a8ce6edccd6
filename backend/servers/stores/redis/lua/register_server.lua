-- register_server: a server joins the pool, or takes its place again under a newer generation.
--
-- KEYS[1] servers         hash, server -> JSON record
-- KEYS[2] last_heartbeat  sorted set, server -> ms
-- KEYS[3] active_games    sorted set by name, "server/match"
-- KEYS[4] seats           sorted set, servers with a free seat -> a million times the number of their region + load, which is
--                         games per million of capacity
-- KEYS[5] offers          hash, server -> "capacity|number of its region|seat as JSON"
-- KEYS[6] regions         hash, region -> its number
-- ARGV[1] server  [2] host  [3] port  [4] region  [5] capacity  [6] registered at, ms  [7] last heartbeat, ms
-- ARGV[8] the generation that another pool gave it, or "" for a new one  [9] status  [10] lifetime of the keys, ms
--
-- Returns its generation, as a string: the given one, or the time, or one more than the last where clocks disagree;
-- where the given one is not newer than what is known, nothing was written
local servers, last_heartbeat, active_games, seats = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local offers, regions = KEYS[5], KEYS[6]
local id, now, capacity = ARGV[1], tonumber(ARGV[6]), tonumber(ARGV[5])

local raw = redis.call('HGET', servers, id)
local old = raw and cjson.decode(raw)
local games = redis.call('ZLEXCOUNT', active_games, '[' .. id .. '/', '(' .. id .. '0')
local generation = tonumber(ARGV[8]) or (old and math.max(old.generation + 1, now) or now)
if old and old.generation >= generation then return string.format('%.0f', old.generation) end
local new = {id = id, host = ARGV[2], port = tonumber(ARGV[3]), region = ARGV[4], capacity = capacity,
  status = ARGV[9], registered_ms = now, generation = generation}
local seat = cjson.encode({id = id, host = new.host, port = new.port, region = new.region, generation = generation})
new.place = tonumber(redis.call('HGET', regions, new.region) or redis.call('HLEN', regions))

redis.call('HSET', regions, new.region, new.place)
redis.call('HSET', servers, id, cjson.encode(new))
redis.call('HSET', offers, id, string.format('%d|%d|%s', capacity, new.place, seat))
redis.call('ZREM', seats, id)
redis.call('ZADD', last_heartbeat, ARGV[7], id)
if games < capacity and new.status == 'ready' then
  local its_load = math.floor(games * 1000000 / capacity)
  redis.call('ZADD', seats, new.place * 1000000 + its_load, id)
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[10]) end
return string.format('%.0f', new.generation)
