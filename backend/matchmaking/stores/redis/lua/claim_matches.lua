-- claim_matches: make proposals into matches, each whole or not at all.
--
-- KEYS[1] queue  [2] arrivals  [3] last_seen  sorted sets of the queue; the last keeps matched players until expire_tickets comes by
-- KEYS[4] stats         hash, counters              [5] recent_matches  list, a line a match
-- KEYS[6] tickets       hash, player -> "match|queues|id|ratings|…|username"; match is "" while it waits
-- KEYS[7] matches       hash, match id -> its status and the match, of live matches
-- KEYS[8] outbox        hash, match id -> epoch, of matches that are not announced
-- KEYS[9] offers        hash, server -> "capacity|number of its region|seat as JSON"
-- KEYS[10] active       hash, server -> games it hosts
-- KEYS[11] load         sorted set, servers with a free seat -> load: games per million of capacity
-- KEYS[12] seats        sorted set, the same -> a million times the number of its region + load
-- KEYS[13] active_games sorted set by name, "server/match"
-- KEYS[14] regions      hash, region -> its number
-- KEYS[15..]            four for each other queue in which one of these tickets waits: queue, arrivals, last_seen, stats
-- ARGV[1] placement  [2] proposals  [3] epoch  [4] lifetime of matches, ms  [5] stats lifetime, ms  [6] recent matches kept
-- ARGV[7] players  [8..] columns, a row a proposal: match id; region or ""; its status and the match up to its seat; sum of
--           ratings; line for recent matches or ""; number of its players, none twice; then columns, a row a player in the
--           order of the proposals: player; ticket as the snapshot saw it; then the names of the other queues
--
-- Returns a list, an entry a proposal: its seat as JSON ("null" where it has none), "TAKEN" (a ticket no longer waits) or
-- "NO_SEAT" (the queue demands a server and there is no seat); in both the tickets that wait stay in place.
local call, ARGV, KEYS = redis.call, ARGV, KEYS -- locals are found faster than globals
local tickets, load, seats, active_games = KEYS[6], KEYS[11], KEYS[12], KEYS[13]
local placement, proposals, epoch, players = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[7])
-- What stands before the first row of each column.
local match_ids, regions, heads, sums = 7, 7 + proposals, 7 + 2 * proposals, 7 + 3 * proposals
local lines, sizes, player_ids = 7 + 4 * proposals, 7 + 5 * proposals, 7 + 6 * proposals
local marks, others_from = player_ids + players, player_ids + 2 * players + 1

local holds = call('HMGET', tickets, unpack(ARGV, player_ids + 1, player_ids + players))

-- A heap of entries {server, games when it was placed, load}: the least loaded first, then by id.
local function sift(heap, place)
  while true do
    local least, left = place, 2 * place
    for child = left, left + 1 do
      local a, b = heap[child], heap[least]
      if a and (a.load < b.load or (a.load == b.load and a.server.id < b.server.id)) then least = child end
    end
    if least == place then return end
    heap[place], heap[least] = heap[least], heap[place]
    place = least
  end
end

-- Whole numbers: Redis compares them much faster than fractions, of which small sorted sets keep the text.
local function load_of(games, capacity)
  return games < capacity and math.floor(games * 1000000 / capacity) or math.huge
end

-- The least loaded servers with a free seat, of one region or ('') of all: as many as there are proposals.
local servers, nearest = {}, {}
local function servers_of(region)
  if nearest[region] then return nearest[region] end
  local heap, ids, place = {}, {}, region ~= '' and call('HGET', KEYS[14], region)
  if region == '' then ids = call('ZRANGE', load, 0, proposals - 1) end
  if place then ids = call('ZRANGEBYSCORE', seats, place * 1000000, place * 1000000 + 999999, 'LIMIT', 0, proposals) end
  local offers = #ids > 0 and call('HMGET', KEYS[9], unpack(ids)) or {}
  local counts = #ids > 0 and call('HMGET', KEYS[10], unpack(ids)) or {}
  for number, id in ipairs(ids) do
    if offers[number] and not servers[id] then
      local capacity, its_region, seat = string.match(offers[number], '^(%d+)|(%d+)|(.*)$')
      local games = tonumber(counts[number] or '0')
      servers[id] = {id = id, capacity = tonumber(capacity), region = its_region, seat = seat, games = games, found = games}
    end
    local s = servers[id]
    if s and s.found < s.capacity then
      heap[#heap + 1] = {server = s, games = s.found, load = load_of(s.found, s.capacity)}
    end
  end
  nearest[region] = heap
  return heap
end

-- An entry whose server has taken a match since is placed anew when it comes up; a full server sinks for good.
local find_server
function find_server(region)
  local heap = servers_of(region)
  while heap[1] and heap[1].load < math.huge do
    local top = heap[1]
    local s = top.server
    if top.games == s.games then return s end
    top.games, top.load = s.games, load_of(s.games, s.capacity)
    sift(heap, 1)
  end
  return region ~= '' and find_server('') or nil
end

local answers, outbox, live, matched, recent, gone, is_taken, games = {}, {}, {}, {}, {}, {}, {}, {}
local made, taken, hosted, rating_sum, last = 0, 0, 0, 0, 0
for number = 1, proposals do
  local first = last + 1
  last = last + ARGV[sizes + number]
  local server, do_wait = nil, true
  for place = first, last do
    do_wait = do_wait and holds[place] == ARGV[marks + place] and not is_taken[ARGV[player_ids + place]]
  end
  if do_wait and placement ~= 'none' then server = find_server(ARGV[regions + number]) end
  if not do_wait then
    answers[number] = 'TAKEN'
  elseif placement == 'required' and not server then
    answers[number] = 'NO_SEAT'
  else
    local match_id, seat = ARGV[match_ids + number], server and server.seat or 'null'
    local match = ARGV[heads + number] .. seat
    for place = first, last do
      local player, mark = ARGV[player_ids + place], ARGV[marks + place]
      taken = taken + 1
      gone[taken], is_taken[player] = player, true
      matched[2 * taken - 1], matched[2 * taken] = player, match_id .. mark
      match = match .. '\n' .. player .. mark
    end
    made = made + 1
    outbox[2 * made - 1], outbox[2 * made] = match_id, epoch
    live[2 * made - 1], live[2 * made] = match_id, match
    rating_sum = rating_sum + ARGV[sums + number]
    if ARGV[lines + number] ~= '' then recent[#recent + 1] = ARGV[lines + number] end
    if server then
      server.games, hosted = server.games + 1, hosted + 1
      games[2 * hosted - 1], games[2 * hosted] = 0, server.id .. '/' .. match_id
    end
    answers[number] = seat
  end
end
if made == 0 then return answers end

-- Out of the other queues, where a ticket waits in several.
local others = {}
for place = others_from, #ARGV do others[ARGV[place]] = 15 + (place - others_from) * 4 end
for number = 1, others_from <= #ARGV and taken or 0 do
  local its_queues, ratings = string.match(matched[2 * number], '^[^|]*|([^|]*)|[^|]*|([^|]*)')
  local points = string.gmatch(ratings, '[^,]+')
  for name in string.gmatch(its_queues, '[^,]+') do
    local key, rating = others[name], points()
    if key and call('ZREM', KEYS[key], gone[number]) == 1 then
      call('ZREM', KEYS[key + 1], gone[number])
      call('HINCRBYFLOAT', KEYS[key + 3], 'rating_sum', -tonumber(rating))
    end
  end
end
call('HSET', tickets, unpack(matched))
call('ZREM', KEYS[1], unpack(gone))
call('ZREM', KEYS[2], unpack(gone)) -- not from last_seen: expire_tickets takes out who does not wait
call('HSET', KEYS[7], unpack(live))
call('HSET', KEYS[8], unpack(outbox))
call('HINCRBY', KEYS[4], 'total_matches', made)
call('HINCRBYFLOAT', KEYS[4], 'rating_sum', -rating_sum)
if #recent > 0 then call('LPUSH', KEYS[5], unpack(recent)) end
call('LTRIM', KEYS[5], 0, ARGV[6] - 1)
for _, place in ipairs({6, 7, 8}) do call('PEXPIRE', KEYS[place], ARGV[4]) end
for _, place in ipairs({4, 5}) do call('PEXPIRE', KEYS[place], ARGV[5]) end
if hosted == 0 then return answers end
local counts, loads, places = {}, {}, {}
for id, s in pairs(servers) do
  if s.games > s.found then
    local its_load = load_of(s.games, s.capacity)
    counts[#counts + 1], counts[#counts + 2] = id, s.games
    if its_load < math.huge then
      loads[#loads + 1], loads[#loads + 2] = its_load, id
      places[#places + 1], places[#places + 2] = s.region * 1000000 + its_load, id
    else
      call('ZREM', load, id)
      call('ZREM', seats, id)
    end
  end
end
call('ZADD', active_games, unpack(games))
call('HSET', KEYS[10], unpack(counts))
if #loads > 0 then
  call('ZADD', load, unpack(loads))
  call('ZADD', seats, unpack(places))
end
return answers
