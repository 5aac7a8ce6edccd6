-- claim_matches: make proposals into matches, each whole or not at all.
--
-- KEYS[1] queue  [2] arrivals  [3] last_seen  sorted sets of the queue
-- KEYS[4] stats         hash, counters              [5] recent_waits  list, ms
-- KEYS[6] outbox        hash, match id -> match on its way to PostgreSQL
-- KEYS[7] servers       hash, server -> JSON record  [8] active  hash, server -> games it hosts
-- KEYS[9] load          sorted set, servers with a free seat -> games / capacity
-- KEYS[10] seats        sorted set by name, "region|load|server" of the same
-- KEYS[11] active_games sorted set by name, "server/match"
-- KEYS[12] matches      hash, match id -> its status and the match, of live matches
-- KEYS[13..]            the tickets of each proposal (hashes), team by team
-- ARGV[1] queue name  [2] now, ms  [3] placement  [4] players a team  [5] teams  [6] lifetime of matches, ms
-- ARGV[7] stats lifetime, ms  [8] waits kept  [9..] a match id a proposal
--
-- Returns a list, an entry a proposal: the match as JSON, "TAKEN" (a ticket no longer waits) or
-- "NO_SEAT" (the queue demands a server and there is no seat); in both the tickets that wait stay in place.
local load, seats, active_games = KEYS[9], KEYS[10], KEYS[11]
local queue_name, now, placement = ARGV[1], ARGV[2], ARGV[3]
local team_size, players = tonumber(ARGV[4]), ARGV[4] * ARGV[5]
-- What is written once for the whole batch, after the proposals.
local answers, outbox, live, waits, gone, rating_sum = {}, {}, {}, {}, {}, 0
local servers, nearest, games, is_taken = {}, {}, {}, {}
local id_at = KEYS[13] and string.find(KEYS[13], '[^:]*$') -- where a ticket's key has the player's id

-- The tickets of a proposal: {teams, region, waits, rating_sum}, or nil if one no longer waits.
local function look_at_tickets(first)
  local found, teams = {waits = {}, rating_sum = 0}, {}
  for place = 1, players do
    local key = KEYS[first + place]
    if found[key] then return nil end -- nobody plays against himself
    found[key] = true
    local t = redis.call('HMGET', key, 'status', 'queue', 'username', 'rating', 'joined_ms', 'region')
    if t[1] ~= 'waiting' or t[2] ~= queue_name then
      if not is_taken[key] then gone[#gone + 1] = string.sub(key, id_at) end -- listed, and does not wait here
      return nil
    end
    local team, waited_ms = math.ceil(place / team_size), string.format('%.0f', math.max(0, now - t[5]))
    local player = '{"id":"' .. string.sub(key, id_at) .. '","username":' .. cjson.encode(t[3])
      .. ',"rating":' .. t[4] .. ',"waited_ms":' .. waited_ms .. '}'
    teams[team] = teams[team] and teams[team] .. ',' .. player or player
    found.waits[place], found.rating_sum = waited_ms, found.rating_sum + t[4]
    if t[6] ~= '' then found.region = (found.region == nil or found.region == t[6]) and t[6] or '' end
  end
  found.region, found.teams = found.region or '', '[[' .. table.concat(teams, '],[') .. ']]'
  return found
end

local function seat_of(s) return string.format('%s|%07d|%s', s.region, s.games * 1000000 / s.capacity, s.id) end

-- The least loaded servers with a free seat, of one region or ('') of all: as many as there are proposals.
local function servers_of(region)
  if nearest[region] then return nearest[region] end
  local list, ids = {}, {}
  if region == '' then ids = redis.call('ZRANGE', load, 0, #ARGV - 9) end
  local first, last = '[' .. region .. '|', '(' .. region .. '|\255'
  local named = region ~= '' and redis.call('ZRANGEBYLEX', seats, first, last, 'LIMIT', 0, #ARGV - 8) or {}
  for place, seat in ipairs(named) do ids[place] = string.sub(seat, #region + 10) end
  local known = #ids > 0 and redis.call('HMGET', KEYS[7], unpack(ids)) or {}
  local counts = #ids > 0 and redis.call('HMGET', KEYS[8], unpack(ids)) or {}
  for place, id in ipairs(ids) do
    if known[place] and not servers[id] then
      local s = cjson.decode(known[place])
      s.games = tonumber(counts[place] or '0')
      s.indexed = seat_of(s)
      s.seat = cjson.encode({id = id, generation = s.generation, host = s.host, port = s.port, region = s.region})
      servers[id] = s
    end
    list[#list + 1] = servers[id]
  end
  nearest[region] = list
  return list
end

local find_server
function find_server(region)
  local best
  for _, s in ipairs(servers_of(region)) do
    local is_less = not best or s.games * best.capacity < best.games * s.capacity
      or (s.games * best.capacity == best.games * s.capacity and s.id < best.id)
    if s.games < s.capacity and is_less then best = s end
  end
  if best or region == '' then return best end
  return find_server('')
end

local function enter_match(first, match_id, match, found)
  for place = 1, players do
    local key = KEYS[first + place]
    redis.call('HSET', key, 'status', 'matched', 'match_id', match_id, 'match_status', 'created')
    is_taken[key], gone[#gone + 1] = true, string.sub(key, id_at)
    waits[#waits + 1] = found.waits[place]
  end
  live[#live + 1], live[#live + 2] = match_id, 'created ' .. match
  outbox[#outbox + 1], outbox[#outbox + 2] = match_id, match
  rating_sum = rating_sum + found.rating_sum
end

for place = 9, #ARGV do
  local first, match_id = 12 + (place - 9) * players, ARGV[place]
  local found = look_at_tickets(first)
  local server = found and placement ~= 'none' and find_server(found.region)
  if not found then
    answers[place - 8] = 'TAKEN'
  elseif placement == 'required' and not server then
    answers[place - 8] = 'NO_SEAT'
  else
    local match = '{"id":"' .. match_id .. '","queue":"' .. queue_name .. '","region":"' .. found.region
      .. '","created_ms":' .. now .. ',"teams":' .. found.teams .. ',"server":' .. (server and server.seat or 'null') .. '}'
    enter_match(first, match_id, match, found)
    if server then
      server.games, server.is_taken = server.games + 1, true
      games[#games + 1], games[#games + 2] = 0, server.id .. '/' .. match_id
    end
    answers[place - 8] = match
  end
end

if #gone > 0 then
  for zset = 1, 3 do redis.call('ZREM', KEYS[zset], unpack(gone)) end
end
if #outbox > 0 then
  redis.call('HSET', KEYS[6], unpack(outbox))
  redis.call('HSET', KEYS[12], unpack(live))
  redis.call('PEXPIRE', KEYS[12], ARGV[6])
  redis.call('HINCRBY', KEYS[4], 'total_matches', #outbox / 2)
  redis.call('HINCRBYFLOAT', KEYS[4], 'rating_sum', -rating_sum)
  redis.call('LPUSH', KEYS[5], unpack(waits))
  redis.call('LTRIM', KEYS[5], 0, ARGV[8] - 1)
  redis.call('PEXPIRE', KEYS[5], ARGV[7])
  redis.call('PEXPIRE', KEYS[4], ARGV[7])
end
if #games > 0 then
  local counts, stale, fresh, loads = {}, {}, {}, {}
  for id, s in pairs(servers) do
    if s.is_taken then
      counts[#counts + 1], counts[#counts + 2], stale[#stale + 1] = id, s.games, s.indexed
      if s.games < s.capacity then
        fresh[#fresh + 1], fresh[#fresh + 2] = 0, seat_of(s)
        loads[#loads + 1], loads[#loads + 2] = s.games / s.capacity, id
      else
        redis.call('ZREM', load, id)
      end
    end
  end
  redis.call('ZADD', active_games, unpack(games))
  redis.call('HSET', KEYS[8], unpack(counts))
  redis.call('ZREM', seats, unpack(stale))
  if #fresh > 0 then
    redis.call('ZADD', seats, unpack(fresh))
    redis.call('ZADD', load, unpack(loads))
  end
end
return answers
