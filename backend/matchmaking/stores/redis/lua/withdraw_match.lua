-- withdraw_match: undo a claim that is not announced: its tickets wait again, its seat is free.
--
-- KEYS[1] matches       hash, match id -> its status and the match, of live matches
-- KEYS[2] outbox        hash, match id -> epoch, of matches that are not announced
-- KEYS[3] tickets       hash, player -> "match|queues|id|ratings|joined at, ms|…|username"
-- KEYS[4] servers       hash, server -> JSON record
-- KEYS[5] seats         sorted set, servers with a free seat -> a million times the number of their region + load, which is
--                       games per million of capacity
-- KEYS[6] active_games  sorted set by name, "server/match"
-- KEYS[7..] four a queue, in the order of the names in ARGV: queue, arrivals, last_seen (sorted sets), stats (hash)
-- then last_word (string) of each player, in the order of ARGV
-- ARGV[1] match id  [2] server or ""  [3] now, ms  [4] queue lifetime, ms  [5] lifetime of the last word, ms  [6] queue of the match
-- ARGV[7] its players  [8..] for each of them: player, "GONE" where the ticket ends without a word, "LEFT" where its party is
-- parted by that, or ""; then the names of the queues
--
-- Returns {"WITHDRAWN"}, or {"KEPT"} where it is announced, over or not known; then nothing was written
local tickets, servers, seats, active_games = KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local players, places = tonumber(ARGV[7]), {}
for place = 8 + 2 * players, #ARGV do places[ARGV[place]] = 7 + (place - 8 - 2 * players) * 4 end
local words_from = 7 + 4 * (#ARGV - 7 - 2 * players)
local match_id, server_id = ARGV[1], ARGV[2]

if redis.call('HEXISTS', KEYS[2], match_id) == 0 then return {'KEPT'} end
local raw = redis.call('HGET', servers, server_id)
local server = raw and cjson.decode(raw)

redis.call('HDEL', KEYS[1], match_id)
redis.call('HDEL', KEYS[2], match_id)
if places[ARGV[6]] then redis.call('HINCRBY', KEYS[places[ARGV[6]] + 3], 'total_matches', -1) end
for number = 1, players do
  local player, becomes = ARGV[6 + 2 * number], ARGV[7 + 2 * number]
  local its_match, rest = string.match(redis.call('HGET', tickets, player) or '', '^([^|]*)(|.*)$')
  local its_queues, id, ratings, joined_ms = string.match(rest or '', '^|([^|]*)|([^|]*)|([^|]*)|([^|]*)')
  if its_match == match_id and becomes ~= '' then
    redis.call('HDEL', tickets, player)
    local word = 'left|' .. id .. '|' .. string.match(its_queues, '^[^,]*') .. '|0|'
    if becomes == 'LEFT' then redis.call('SET', KEYS[words_from + number - 1], word, 'PX', ARGV[5]) end
  elseif its_match == match_id then
    local points = string.gmatch(ratings, '[^,]+')
    redis.call('HSET', tickets, player, rest)
    for name in string.gmatch(its_queues, '[^,]+') do
      local at, rating = places[name], points()
      if at then
        redis.call('ZADD', KEYS[at], rating, player)
        redis.call('ZADD', KEYS[at + 1], joined_ms, player)
        redis.call('ZADD', KEYS[at + 2], ARGV[3], player)
        redis.call('HINCRBYFLOAT', KEYS[at + 3], 'rating_sum', rating)
        for zset = at, at + 2 do redis.call('PEXPIRE', KEYS[zset], ARGV[4]) end
      end
    end
  end
end
if redis.call('ZREM', active_games, server_id .. '/' .. match_id) == 1 then
  local games = redis.call('ZLEXCOUNT', active_games, '[' .. server_id .. '/', '(' .. server_id .. '0')
  if server and server.status == 'ready' and games < server.capacity then
    local its_load = math.floor(games * 1000000 / server.capacity)
    redis.call('ZADD', seats, server.place * 1000000 + its_load, server_id)
  end
end
return {'WITHDRAWN'}
