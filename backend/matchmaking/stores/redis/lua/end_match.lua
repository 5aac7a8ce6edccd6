-- end_match: a match is over: its players are free, its seat is free again. Repeating it changes nothing.
--
-- KEYS[1] matches       hash, match id -> its status and the match, of live matches
-- KEYS[2] servers       hash, server -> JSON record
-- KEYS[3] active        hash, server -> games it hosts
-- KEYS[4] load          sorted set, servers with a free seat -> games / capacity
-- KEYS[5] seats         sorted set by name, "region|load|server" of the same
-- KEYS[6] active_games  sorted set by name, "server/match"
-- KEYS[7..]             the tickets of its players (hashes)
-- ARGV[1] match id  [2] how it ended  [3] server or ""  [4] lifetime of the last word, ms
--
-- Returns {"FREED"} where a seat was freed, {"NO_SEAT"} where it held none (any more)
local matches, servers, active, load, seats, active_games = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local match_id, how, server_id, lifetime = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local raw = redis.call('HGET', servers, server_id)
local server = raw and cjson.decode(raw)
local function seat(games)
  return string.format('%s|%07d|%s', server.region, games * 1000000 / server.capacity, server.id)
end

redis.call('HDEL', matches, match_id)
for place = 7, #KEYS do
  if redis.call('HGET', KEYS[place], 'match_id') == match_id then
    redis.call('HSET', KEYS[place], 'match_status', how)
    redis.call('PEXPIRE', KEYS[place], lifetime)
  end
end
if redis.call('ZREM', active_games, server_id .. '/' .. match_id) == 0 then return {'NO_SEAT'} end
local games = redis.call('HINCRBY', active, server_id, -1)
if server then
  redis.call('ZREM', seats, seat(games + 1))
  if server.status == 'ready' and games < server.capacity then
    redis.call('ZADD', seats, 0, seat(games))
    redis.call('ZADD', load, games / server.capacity, server_id)
  end
end
return {'FREED'}
