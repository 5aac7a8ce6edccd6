-- claim_matches: make proposals into matches, each whole or not at all.
--
-- KEYS[1] queue  [2] arrivals  [3] last_seen  sorted sets of the queue; the last keeps matched players until expire_tickets comes by
-- KEYS[4] stats         hash, counters              [5] recent_matches  list, a line a match
-- KEYS[6] tickets       hash, player -> "match|queues|id|ratings|…|username"; match is "" while it waits
-- KEYS[7] matches       hash, match id -> its status and the match, of live matches
-- KEYS[8] outbox        hash, match id -> epoch, of matches that are not announced
-- KEYS[9] offers        hash, server -> "capacity|number of its region|seat as JSON"
-- KEYS[10] seats        sorted set, servers with a free seat -> a million times the number of their region + load, which is
--                       games per million of capacity, of 10,000 at most: so many games are told by their load
-- KEYS[11] active_games sorted set by name, "server/match"
-- KEYS[12] regions      hash, region -> its number
-- KEYS[13..]            four for each other queue in which one of these tickets waits: queue, arrivals, last_seen, stats
-- ARGV[1] placement  [2] proposals  [3] epoch  [4] lifetime of matches, ms  [5] stats lifetime, ms  [6] recent matches kept
-- ARGV[7] players  [8..] columns, a row a proposal: match id; region or ""; its status and the match up to its seat; sum of
--           ratings; line for recent matches or ""; number of its players, none twice; then columns, a row a player in the
--           order of the proposals: player; ticket as the snapshot saw it; then the names of the other queues
--
-- Returns a list, an entry a proposal: its seat as JSON ("null" where it has none), "TAKEN" (a ticket no longer waits) or
-- "NO_SEAT" (the queue demands a server and there is no seat); in both the tickets that wait stay in place.
local call, ARGV, KEYS, floor = redis.call, ARGV, KEYS, math.floor -- locals are found faster than globals
local tickets, seats, active_games, SERVERS_A_PAGE = KEYS[6], KEYS[10], KEYS[11], 8
local placement, proposals, epoch, players = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[7])
-- What stands before the first row of each column.
local match_ids, regions, heads, sums = 7, 7 + proposals, 7 + 2 * proposals, 7 + 3 * proposals
local lines, sizes, player_ids = 7 + 4 * proposals, 7 + 5 * proposals, 7 + 6 * proposals
local marks, others_from = player_ids + players, player_ids + 2 * players + 1

local holds = call('HMGET', tickets, unpack(ARGV, player_ids + 1, player_ids + players))

-- Whole numbers: Redis compares them much faster than fractions, of which small sorted sets keep the text.
local function load_of(games, capacity)
  return games < capacity and floor(games * 1000000 / capacity) or math.huge
end

local function games_of(load, capacity)
  return math.ceil(load * capacity / 1000000)
end

local function is_before(one, other)
  return one.load < other.load or (one.load == other.load and one.id < other.id)
end

local function rise(heap, place)
  local server = heap[place]
  while place > 1 do
    local parent = floor(place / 2)
    if not is_before(server, heap[parent]) then break end
    heap[place], place = heap[parent], parent
  end
  heap[place] = server
end

local function sink(heap)
  local place = 1
  while true do
    local least, left = place, 2 * place
    for child = left, left + 1 do
      if heap[child] and is_before(heap[child], heap[least]) then least = child end
    end
    if least == place then return end
    heap[place], heap[least] = heap[least], heap[place]
    place = least
  end
end

-- The servers of a region that have a free seat, a page at a time: those that take no match here in their order, the
-- least loaded first, from `next` on; and a heap of those that took one.
local lines_of_servers, numbers, everywhere = {}, {}, nil
local function line_of(number)
  if not lines_of_servers[number] then
    lines_of_servers[number] = {number = number, fresh = {}, next = 1, read = 0, is_whole = false, heap = {}}
  end
  return lines_of_servers[number]
end

local function read_page(line)
  local from, fresh = line.number * 1000000, line.fresh
  local found = call('ZRANGEBYSCORE', seats, from, from + 999999, 'WITHSCORES', 'LIMIT', line.read, SERVERS_A_PAGE)
  local ids, loads = {}, {}
  for place = 1, #found, 2 do ids[#ids + 1], loads[#loads + 1] = found[place], found[place + 1] - from end
  line.read, line.is_whole = line.read + #ids, #ids < SERVERS_A_PAGE
  if #ids == 0 then return end
  for place, offer in ipairs(call('HMGET', KEYS[9], unpack(ids))) do
    local capacity, seat = string.match(offer or '', '^(%d+)|%d+|(.*)$')
    if capacity then
      local load = loads[place]
      capacity = tonumber(capacity)
      fresh[#fresh + 1] = {id = ids[place], capacity = capacity, seat = seat, games = games_of(load, capacity), load = load}
    end
  end
end

local function least_loaded(line)
  local fresh, top = line.fresh, line.heap[1]
  while not fresh[line.next] and not line.is_whole do read_page(line) end
  local first = fresh[line.next]
  if top and top.load < math.huge and (not first or is_before(top, first)) then return top end
  return first
end

-- A seat in the region, else on the least loaded server of all; nil where there is none.
local function take_seat(region)
  if region ~= '' and numbers[region] == nil then numbers[region] = call('HGET', KEYS[12], region) end
  local line = numbers[region] and line_of(tonumber(numbers[region]))
  local server = line and least_loaded(line)
  if not server then
    everywhere = everywhere or call('HVALS', KEYS[12])
    for _, number in ipairs(everywhere) do
      local other = line_of(tonumber(number))
      local its_least = least_loaded(other)
      if its_least and (not server or is_before(its_least, server)) then server, line = its_least, other end
    end
  end
  if not server then return nil end
  local heap = line.heap
  server.games = server.games + 1
  server.load = load_of(server.games, server.capacity)
  if server == heap[1] then
    sink(heap)
  else
    line.next = line.next + 1
    heap[#heap + 1] = server
    rise(heap, #heap)
  end
  return server
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
  if do_wait and placement ~= 'none' then server = take_seat(ARGV[regions + number]) end
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
      if last ~= first + 1 then match = match .. '\n' .. player .. mark end
    end
    if last == first + 1 then -- in one go: each step makes a string of its own
      local one, other = ARGV[player_ids + first], ARGV[player_ids + last]
      match = match .. '\n' .. one .. ARGV[marks + first] .. '\n' .. other .. ARGV[marks + last]
    end
    made = made + 1
    outbox[2 * made - 1], outbox[2 * made] = match_id, epoch
    live[2 * made - 1], live[2 * made] = match_id, match
    rating_sum = rating_sum + ARGV[sums + number]
    if ARGV[lines + number] ~= '' then recent[#recent + 1] = ARGV[lines + number] end
    if server then
      hosted = hosted + 1
      games[2 * hosted - 1], games[2 * hosted] = 0, server.id .. '/' .. match_id
    end
    answers[number] = seat
  end
end
if made == 0 then return answers end

-- Out of the other queues, where a ticket waits in several.
local others = {}
for place = others_from, #ARGV do others[ARGV[place]] = 13 + (place - others_from) * 4 end
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
local places, full = {}, {}
for number, line in pairs(lines_of_servers) do
  for _, server in ipairs(line.heap) do
    if server.load < math.huge then
      places[#places + 1], places[#places + 2] = number * 1000000 + server.load, server.id
    else
      full[#full + 1] = server.id
    end
  end
end
call('ZADD', active_games, unpack(games))
if #places > 0 then call('ZADD', seats, unpack(places)) end
if #full > 0 then call('ZREM', seats, unpack(full)) end
return answers
