-- withdraw_match: undo a claim that is not announced: its tickets wait again, its seat is free.
--
-- KEYS[1] matches       hash, match id -> its status and the match, of live matches
-- KEYS[2] outbox        hash, match id -> epoch, of matches that are not announced
-- KEYS[3] tickets       hash, player -> "match|queue|id|rating|joined at, ms|region|username"
-- KEYS[4] queue  [5] arrivals  [6] last_seen  sorted sets of the queue    [7] stats  hash, counters
-- KEYS[8] servers       hash, server -> JSON record     [9] active  hash, server -> games it hosts
-- KEYS[10] load         sorted set, servers with a free seat -> games / capacity
-- KEYS[11] seats        sorted set by name, "region|load|server" of the same
-- KEYS[12] active_games sorted set by name, "server/match"
-- ARGV[1] match id  [2] server or ""  [3] now, ms  [4] queue lifetime, ms
-- ARGV[5..] for each of its players: player, "GONE" where the ticket ends without a word, or ""
--
-- Returns {"WITHDRAWN"}, or {"KEPT"} where it is announced, over or not known; then nothing was written
local tickets, queue, arrivals, last_seen, stats = KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local servers, active, load, seats, active_games = KEYS[8], KEYS[9], KEYS[10], KEYS[11], KEYS[12]
local match_id, server_id = ARGV[1], ARGV[2]

if redis.call('HEXISTS', KEYS[2], match_id) == 0 then return {'KEPT'} end
local raw = redis.call('HGET', servers, server_id)
local server = raw and cjson.decode(raw)
local function seat(games)
  return string.format('%s|%07d|%s', server.region, games * 1000000 / server.capacity, server.id)
end

redis.call('HDEL', KEYS[1], match_id)
redis.call('HDEL', KEYS[2], match_id)
redis.call('HINCRBY', stats, 'total_matches', -1)
for place = 5, #ARGV, 2 do
  local player, ticket = ARGV[place], redis.call('HGET', tickets, ARGV[place]) or ''
  local its_match, rest = string.match(ticket, '^([^|]*)(|.*)$')
  if its_match == match_id and ARGV[place + 1] == 'GONE' then
    redis.call('HDEL', tickets, player)
  elseif its_match == match_id then
    local rating, joined_ms = string.match(rest, '^|[^|]*|[^|]*|([^|]*)|([^|]*)')
    redis.call('HSET', tickets, player, rest)
    redis.call('ZADD', queue, rating, player)
    redis.call('ZADD', arrivals, joined_ms, player)
    redis.call('ZADD', last_seen, ARGV[3], player)
    redis.call('HINCRBYFLOAT', stats, 'rating_sum', rating)
    for zset = 4, 6 do redis.call('PEXPIRE', KEYS[zset], ARGV[4]) end
  end
end
if redis.call('ZREM', active_games, server_id .. '/' .. match_id) == 1 then
  local games = redis.call('HINCRBY', active, server_id, -1)
  if server then redis.call('ZREM', seats, seat(games + 1)) end
  if server and server.status == 'ready' and games < server.capacity then
    redis.call('ZADD', seats, 0, seat(games))
    redis.call('ZADD', load, games / server.capacity, server_id)
  end
end
return {'WITHDRAWN'}
