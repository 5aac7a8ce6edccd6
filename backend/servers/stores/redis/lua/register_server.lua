-- register_server: a server joins the pool, or takes its place again under a newer generation.
--
-- KEYS[1] servers         hash, server -> JSON record
-- KEYS[2] last_heartbeat  sorted set, server -> ms
-- KEYS[3] active          hash, server -> games it hosts
-- KEYS[4] load            sorted set, servers with a free seat -> games / capacity
-- KEYS[5] seats           sorted set by name, "region|load|server" of the same
-- ARGV[1] server  [2] host  [3] port  [4] region  [5] capacity  [6] now, ms
--
-- Returns the new generation, as a string: the time, or one more than the last where clocks disagree
local servers, last_heartbeat, active, load, seats = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, now, capacity = ARGV[1], tonumber(ARGV[6]), tonumber(ARGV[5])

local raw = redis.call('HGET', servers, id)
local old = raw and cjson.decode(raw)
local games = tonumber(redis.call('HGET', active, id) or '0')
local function seat(server) return string.format('%s|%07d|%s', server.region, games * 1000000 / server.capacity, id) end
local new = {id = id, host = ARGV[2], port = tonumber(ARGV[3]), region = ARGV[4], capacity = capacity,
  status = 'ready', registered_ms = now, generation = old and math.max(old.generation + 1, now) or now}

if old then redis.call('ZREM', seats, seat(old)) end
redis.call('ZREM', load, id)
redis.call('HSET', servers, id, cjson.encode(new))
redis.call('ZADD', last_heartbeat, now, id)
if games < capacity then
  redis.call('ZADD', seats, 0, seat(new))
  redis.call('ZADD', load, games / capacity, id)
end
return string.format('%.0f', new.generation)
