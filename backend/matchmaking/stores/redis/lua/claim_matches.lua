-- claim_matches: make proposals into matches, each whole or not at all.
--
-- KEYS[1] queue  [2] arrivals  [3] last_seen   sorted sets of the queue
-- KEYS[4] stats                hash, counters      [5] recent_waits  list, ms
-- KEYS[6] outbox               hash, match id -> match on its way to PostgreSQL
-- KEYS[7] servers              hash, server -> JSON record
-- KEYS[8] active               hash, server -> games it hosts
-- KEYS[9] load                 sorted set, servers with a free seat -> games / capacity
-- KEYS[10] seats               sorted set by name, "region|load|server" of the same
-- KEYS[11] active_games        sorted set by name, "server/match"
-- KEYS[12..]                   a proposal each: the match (hash), then its tickets (hashes), team by team
-- ARGV[1] queue name  [2] now, ms  [3] placement  [4] players a team  [5] teams  [6] match lifetime, ms
-- ARGV[7] stats lifetime, ms  [8] waits kept  [9..] a match id a proposal
--
-- Returns a list, an entry a proposal: the match as JSON, "TAKEN" (a ticket no longer waits) or
-- "NO_SEAT" (the queue demands a server and there is no seat); in both the tickets that wait stay in place.
local queue, arrivals, last_seen, stats, recent_waits, outbox = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local servers, active, load, seats, active_games = KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[11]
local queue_name, now, placement = ARGV[1], ARGV[2], ARGV[3]
local team_size, players = tonumber(ARGV[4]), ARGV[4] * ARGV[5]
local records = {}

local function find_server(region)
  local id
  if region ~= '' then
    local seat = redis.call('ZRANGEBYLEX', seats, '[' .. region .. '|', '(' .. region .. '|\255', 'LIMIT', 0, 1)[1]
    id = seat and string.match(seat, '|([^|]*)$')
  end
  id = id or redis.call('ZRANGE', load, 0, 0)[1]
  local record = id and not records[id] and redis.call('HGET', servers, id)
  if record then
    records[id] = cjson.decode(record)
    records[id].games = tonumber(redis.call('HGET', active, id) or '0')
  end
  return id and records[id]
end

local function take_seat(server, match_id)
  local function seat()
    return string.format('%s|%07d|%s', server.region, server.games * 1000000 / server.capacity, server.id)
  end
  redis.call('ZREM', seats, seat())
  server.games = redis.call('HINCRBY', active, server.id, 1)
  redis.call('ZADD', active_games, 0, server.id .. '/' .. match_id)
  if server.games < server.capacity then
    redis.call('ZADD', seats, 0, seat())
    redis.call('ZADD', load, server.games / server.capacity, server.id)
  else
    redis.call('ZREM', load, server.id)
  end
end

local answers, rating_sum, made, waits, strays = {}, 0, 0, {}, {}
for proposal = 0, #ARGV - 9 do
  local first, match_id = 12 + proposal * (players + 1), ARGV[9 + proposal]
  local teams, members, region, all_wait = {}, {}, nil, true
  for place = 1, players do
    local key = KEYS[first + place]
    local player = string.match(key, '[^:]*$')
    local t = redis.call('HMGET', key, 'status', 'queue', 'username', 'rating', 'joined_ms', 'region')
    if t[1] == 'waiting' and t[2] == queue_name then
      local team = math.floor((place - 1) / team_size) + 1
      teams[team] = teams[team] or {}
      table.insert(teams[team], {id = player, username = t[3], rating = tonumber(t[4]), waited_ms = math.max(0, now - t[5])})
      members[place] = player
      if t[6] ~= '' then region = (region == nil or region == t[6]) and t[6] or '' end
    else
      all_wait = false
      strays[#strays + 1] = player
    end
  end
  local server = all_wait and placement ~= 'none' and find_server(region or '') or nil
  if not all_wait then
    answers[proposal + 1] = 'TAKEN'
  elseif placement == 'required' and not server then
    answers[proposal + 1] = 'NO_SEAT'
  else
    local match = cjson.encode({id = match_id, queue = queue_name, region = region or '', teams = teams, created_ms = tonumber(now),
      server = server and {id = server.id, generation = server.generation, host = server.host, port = server.port,
        region = server.region} or cjson.null})
    redis.call('ZREM', queue, unpack(members))
    redis.call('ZREM', arrivals, unpack(members))
    redis.call('ZREM', last_seen, unpack(members))
    for place = 1, players do
      redis.call('HSET', KEYS[first + place], 'status', 'matched', 'match_id', match_id, 'match_status', 'created', 'match', match)
      redis.call('PEXPIRE', KEYS[first + place], ARGV[6])
    end
    redis.call('HSET', KEYS[first], 'status', 'created', 'match', match)
    redis.call('PEXPIRE', KEYS[first], ARGV[6])
    redis.call('HSET', outbox, match_id, match)
    if server then take_seat(server, match_id) end
    for _, team in ipairs(teams) do
      for _, player in ipairs(team) do
        rating_sum = rating_sum + player.rating
        waits[#waits + 1] = player.waited_ms
      end
    end
    made = made + 1
    answers[proposal + 1] = match
  end
end
for _, player in ipairs(strays) do -- listed as waiting without a ticket that waits here
  rating_sum = rating_sum + (redis.call('ZSCORE', queue, player) or 0)
  redis.call('ZREM', queue, player)
  redis.call('ZREM', arrivals, player)
  redis.call('ZREM', last_seen, player)
end
if rating_sum ~= 0 then redis.call('HINCRBYFLOAT', stats, 'rating_sum', -rating_sum) end
if made > 0 then
  redis.call('HINCRBY', stats, 'total_matches', made)
  redis.call('LPUSH', recent_waits, unpack(waits))
  redis.call('LTRIM', recent_waits, 0, ARGV[8] - 1)
  redis.call('PEXPIRE', recent_waits, ARGV[7])
  redis.call('PEXPIRE', stats, ARGV[7])
end
return answers
