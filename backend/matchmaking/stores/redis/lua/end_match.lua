-- end_match: a match is over: its players are free, its seat is free again. Repeating it changes nothing.
--
-- KEYS[1] matches       hash, match id -> its status and the match, of live matches
-- KEYS[2] outbox        hash, match id -> epoch, of matches that are not announced
-- KEYS[3] tickets       hash, player -> "match|queues|id|…"
-- KEYS[4] servers       hash, server -> JSON record
-- KEYS[5] seats         sorted set, servers with a free seat -> a million times the number of their region + load, which is
--                       games per million of capacity
-- KEYS[6] active_games  sorted set by name, "server/match"
-- KEYS[7..]             last_word (string) of each player, in the order of the players in ARGV
-- ARGV[1] match id  [2] how it ended  [3] server or ""  [4] lifetime of the last word, ms  [5..] its players
--
-- Returns {"FREED"} where a seat was freed, {"NO_SEAT"} where it held none (any more)
local tickets, servers, seats, active_games = KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local match_id, how, server_id, lifetime = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local raw = redis.call('HGET', servers, server_id)
local server = raw and cjson.decode(raw)

redis.call('HDEL', KEYS[1], match_id)
redis.call('HDEL', KEYS[2], match_id)
for place = 5, #ARGV do
  local its_match, id = string.match(redis.call('HGET', tickets, ARGV[place]) or '', '^([^|]*)|[^|]*|([^|]*)')
  if its_match == match_id then
    redis.call('HDEL', tickets, ARGV[place])
    redis.call('SET', KEYS[place + 2], 'ended|' .. id .. '|' .. how .. '|' .. match_id, 'PX', lifetime)
  end
end
if redis.call('ZREM', active_games, server_id .. '/' .. match_id) == 0 then return {'NO_SEAT'} end
local games = redis.call('ZLEXCOUNT', active_games, '[' .. server_id .. '/', '(' .. server_id .. '0')
if server and server.status == 'ready' and games < server.capacity then
  local its_load = math.floor(games * 1000000 / server.capacity)
  redis.call('ZADD', seats, server.place * 1000000 + its_load, server_id)
end
return {'FREED'}
