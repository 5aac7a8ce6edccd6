-- claim_matches: make proposals into matches, each whole or not at all.
--
-- KEYS[1] queue  [2] arrivals  [3] last_seen  sorted sets of the queue
-- KEYS[4] stats         hash, counters              [5] recent_matches  list, a line a match
-- KEYS[6] tickets       hash, player -> "match|queues|id|ratings|…|username"; match is "" while it waits
-- KEYS[7] matches       hash, match id -> its status and the match, of live matches
-- KEYS[8] outbox        hash, match id -> epoch, of matches that are not announced
-- KEYS[9] servers       hash, server -> JSON record  [10] active  hash, server -> games it hosts
-- KEYS[11] load         sorted set, servers with a free seat -> games / capacity
-- KEYS[12] seats        sorted set by name, "region|load|server" of the same
-- KEYS[13] active_games sorted set by name, "server/match"
-- KEYS[14..]            four for each other queue in which one of these tickets waits: queue, arrivals, last_seen, stats
-- ARGV[1] placement  [2] proposals  [3] epoch  [4] lifetime of matches, ms  [5] stats lifetime, ms  [6] recent matches kept
-- ARGV[7..] for each proposal: match id, region or "", its first status and the match as JSON up to its server, sum of ratings, line for
--           recent matches, number of players; then for each of them, none twice: player, ticket as the snapshot saw it;
-- then the names of the other queues
--
-- Returns a list, an entry a proposal: its seat as JSON ("null" where it has none), "TAKEN" (a ticket no longer waits) or
-- "NO_SEAT" (the queue demands a server and there is no seat); in both the tickets that wait stay in place.
local call, ARGV, KEYS = redis.call, ARGV, KEYS -- locals are found faster than globals
local tickets, load, seats, active_games = KEYS[6], KEYS[11], KEYS[12], KEYS[13]
local placement, epoch, proposals = ARGV[1], ARGV[3], tonumber(ARGV[2])
local answers, servers, nearest = {}, {}, {}

-- The tickets that players hold now; nil once one of them is in a match.
local holds, names, count = {}, {}, 0
local firsts, lasts, at = {}, {}, 7
for number = 1, proposals do
  local first = at + 6
  firsts[number], lasts[number] = first, first + 2 * ARGV[at + 5] - 1
  at = lasts[number] + 1
  for place = first, lasts[number], 2 do
    count = count + 1
    names[count] = ARGV[place]
  end
end
local others_from = at
local found = call('HMGET', tickets, unpack(names))
for place = 1, count do holds[names[place]] = found[place] end

local function seat_of(s) return string.format('%s|%07d|%s', s.region, s.games * 1000000 / s.capacity, s.id) end

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

-- The least loaded servers with a free seat, of one region or ('') of all: as many as there are proposals.
local function servers_of(region)
  if nearest[region] then return nearest[region] end
  local heap, ids = {}, {}
  if region == '' then ids = call('ZRANGE', load, 0, proposals - 1) end
  local first, last = '[' .. region .. '|', '(' .. region .. '|\255'
  local named = region ~= '' and call('ZRANGEBYLEX', seats, first, last, 'LIMIT', 0, proposals) or {}
  for place, seat in ipairs(named) do ids[place] = string.sub(seat, #region + 10) end
  local known = #ids > 0 and call('HMGET', KEYS[9], unpack(ids)) or {}
  local counts = #ids > 0 and call('HMGET', KEYS[10], unpack(ids)) or {}
  for place, id in ipairs(ids) do
    if known[place] and not servers[id] then
      local s = cjson.decode(known[place])
      s.games = tonumber(counts[place] or '0')
      s.indexed = seat_of(s)
      s.seat = cjson.encode({id = id, generation = s.generation, host = s.host, port = s.port, region = s.region})
      servers[id] = s
    end
    if servers[id] then heap[#heap + 1] = {server = servers[id], games = -1, load = -1} end
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
    top.games, top.load = s.games, s.games < s.capacity and s.games / s.capacity or math.huge
    sift(heap, 1)
  end
  return region ~= '' and find_server('') or nil
end

local outbox, live, matched, lines, gone, games = {}, {}, {}, {}, {}, {}
local made, taken, hosted, rating_sum = 0, 0, 0, 0
for number = 1, proposals do
  local first, last = firsts[number], lasts[number]
  local match_id = ARGV[first - 6]
  local server, do_wait = nil, true
  for place = first, last, 2 do do_wait = do_wait and holds[ARGV[place]] == ARGV[place + 1] end
  if do_wait and placement ~= 'none' then server = find_server(ARGV[first - 5]) end
  if not do_wait then
    answers[number] = 'TAKEN'
  elseif placement == 'required' and not server then
    answers[number] = 'NO_SEAT'
  else
    local seat = server and server.seat or 'null'
    made = made + 1
    outbox[2 * made - 1], outbox[2 * made] = match_id, epoch
    live[2 * made - 1], live[2 * made] = match_id, ARGV[first - 4] .. seat .. '}'
    rating_sum, lines[made] = rating_sum + ARGV[first - 3], ARGV[first - 2]
    for place = first, last, 2 do
      local player = ARGV[place]
      taken = taken + 1
      holds[player], gone[taken] = nil, player
      matched[2 * taken - 1], matched[2 * taken] = player, match_id .. ARGV[place + 1]
    end
    if server then
      server.games, server.is_taken, hosted = server.games + 1, true, hosted + 1
      games[2 * hosted - 1], games[2 * hosted] = 0, server.id .. '/' .. match_id
    end
    answers[number] = seat
  end
end
if made == 0 then return answers end

-- Out of the other queues, where a ticket waits in several.
local others = {}
for place = others_from, #ARGV do others[ARGV[place]] = 14 + (place - others_from) * 4 end
for number = 1, others_from <= #ARGV and taken or 0 do
  local its_queues, ratings = string.match(matched[2 * number], '^[^|]*|([^|]*)|[^|]*|([^|]*)')
  local points = string.gmatch(ratings, '[^,]+')
  for name in string.gmatch(its_queues, '[^,]+') do
    local key, rating = others[name], points()
    if key and call('ZREM', KEYS[key], gone[number]) == 1 then
      call('ZREM', KEYS[key + 1], gone[number])
      call('ZREM', KEYS[key + 2], gone[number])
      call('HINCRBYFLOAT', KEYS[key + 3], 'rating_sum', -tonumber(rating))
    end
  end
end
call('HSET', tickets, unpack(matched))
for zset = 1, 3 do call('ZREM', KEYS[zset], unpack(gone)) end
call('HSET', KEYS[7], unpack(live))
call('HSET', KEYS[8], unpack(outbox))
call('HINCRBY', KEYS[4], 'total_matches', made)
call('HINCRBYFLOAT', KEYS[4], 'rating_sum', -rating_sum)
call('LPUSH', KEYS[5], unpack(lines))
call('LTRIM', KEYS[5], 0, ARGV[6] - 1)
for _, place in ipairs({6, 7, 8}) do call('PEXPIRE', KEYS[place], ARGV[4]) end
for _, place in ipairs({4, 5}) do call('PEXPIRE', KEYS[place], ARGV[5]) end
if hosted == 0 then return answers end
local counts, stale, fresh, loads = {}, {}, {}, {}
for id, s in pairs(servers) do
  if s.is_taken then
    counts[#counts + 1], counts[#counts + 2], stale[#stale + 1] = id, s.games, s.indexed
    if s.games < s.capacity then
      fresh[#fresh + 1], fresh[#fresh + 2] = 0, seat_of(s)
      loads[#loads + 1], loads[#loads + 2] = s.games / s.capacity, id
    else
      call('ZREM', load, id)
    end
  end
end
call('ZADD', active_games, unpack(games))
call('HSET', KEYS[10], unpack(counts))
call('ZREM', seats, unpack(stale))
if #fresh > 0 then
  call('ZADD', seats, unpack(fresh))
  call('ZADD', load, unpack(loads))
end
return answers
