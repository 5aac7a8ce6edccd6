-- enter_match: a live match that history has and this store does not know: its players are matched, its seat is taken.
--
-- KEYS[1] matches       hash, match id -> its status and the match, of live matches
-- KEYS[2] outbox        hash, match id -> epoch, of matches that are not announced
-- KEYS[3] tickets       hash, player -> "match|queues|id|ratings|joined at, ms|region|party|…"
-- KEYS[4] servers       hash, server -> JSON record
-- KEYS[5] seats         sorted set, servers with a free seat -> a million times the number of their region + load, which is
--                       games per million of capacity
-- KEYS[6] active_games  sorted set by name, "server/match"
-- KEYS[7..] four a queue, in the order of the names in ARGV: queue, arrivals, last_seen (sorted sets), stats (hash)
-- then last_word (string) of each fellow, in the order of ARGV
-- ARGV[1] match id  [2] its status and the match  [3] server or ""  [4] lifetime of matches, ms  [5] of the pool, ms
-- ARGV[6] players of the match  [7] fellows: others in the parties of tickets that these players hold  [8] lifetime of a last word, ms
-- ARGV[9..] for each player: player, ticket with this match; then the fellows; then the names of the queues
--
-- Returns {"ENTERED"}, or {"KNOWN"} where the match was live already (and is announced from now on)
--         {"PARTY", players…}  call again with these fellows too, whose party is parted; nothing was written
local matches, tickets, servers, seats, active_games = KEYS[1], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local match_id, server_id = ARGV[1], ARGV[3]
local fellows_from = 9 + 2 * ARGV[6]
local queues_from = fellows_from + ARGV[7]
local pattern = '^|([^|]*)|([^|]*)|([^|]*)|[^|]*|[^|]*|([^|]*)'

local named, parted, more, places = {}, {}, {}, {}
for place = 9, fellows_from - 1, 2 do named[ARGV[place]] = true end
for place = fellows_from, queues_from - 1 do named[ARGV[place]] = true end
for place = queues_from, #ARGV do places[ARGV[place]] = 7 + (place - queues_from) * 4 end
for place = 9, fellows_from - 1, 2 do
  local _, id, _, party = string.match(redis.call('HGET', tickets, ARGV[place]) or '', pattern)
  if party and party ~= '' then parted[id] = true end
  for member in string.gmatch(string.match(party or '', ':(.*)') or '', '[^,]+') do
    if not named[member] then more[#more + 1] = member end
  end
end
local function take_out(player, waits_in, ratings)
  local points = string.gmatch(ratings, '[^,]+')
  for name in string.gmatch(waits_in, '[^,]+') do
    local first, rating = places[name], points()
    if first and redis.call('ZREM', KEYS[first], player) == 1 then
      redis.call('ZREM', KEYS[first + 1], player)
      redis.call('ZREM', KEYS[first + 2], player)
      redis.call('HINCRBYFLOAT', KEYS[first + 3], 'rating_sum', -tonumber(rating))
    end
  end
end
local is_known = redis.call('HEXISTS', matches, match_id) == 1
local raw = redis.call('HGET', servers, server_id)
local server = raw and cjson.decode(raw)

if #more > 0 and not is_known then return {'PARTY', unpack(more)} end
redis.call('HDEL', KEYS[2], match_id)
if is_known then return {'KNOWN'} end
redis.call('HSET', matches, match_id, ARGV[2])
for place = 9, fellows_from - 1, 2 do
  local waits_in, _, ratings = string.match(redis.call('HGET', tickets, ARGV[place]) or '', pattern)
  if waits_in then take_out(ARGV[place], waits_in, ratings) end
  redis.call('HSET', tickets, ARGV[place], ARGV[place + 1])
end
for place = fellows_from, queues_from - 1 do
  local waits_in, id, ratings = string.match(redis.call('HGET', tickets, ARGV[place]) or '', pattern)
  if id and parted[id] then
    take_out(ARGV[place], waits_in, ratings)
    redis.call('HDEL', tickets, ARGV[place])
    local first = string.match(waits_in, '^[^,]*')
    local last_word = KEYS[7 + 4 * (#ARGV - queues_from + 1) + place - fellows_from]
    redis.call('SET', last_word, 'left|' .. id .. '|' .. first .. '|0|', 'PX', ARGV[8])
  end
end
redis.call('PEXPIRE', matches, ARGV[4])
redis.call('PEXPIRE', tickets, ARGV[4])
if server_id ~= '' and redis.call('ZADD', active_games, 'NX', 0, server_id .. '/' .. match_id) == 1 then
  local games = redis.call('ZLEXCOUNT', active_games, '[' .. server_id .. '/', '(' .. server_id .. '0')
  redis.call('PEXPIRE', active_games, ARGV[5])
  redis.call('ZREM', seats, server_id)
  if server and server.status == 'ready' and games < server.capacity then
    local its_load = math.floor(games * 1000000 / server.capacity)
    redis.call('ZADD', seats, server.place * 1000000 + its_load, server_id)
  end
end
return {'ENTERED'}
