-- join_party: put the tickets of all members of a party into their queues, or none.
--
-- KEYS[1] tickets      hash, player -> "match|queues|id|ratings|joined at, ms|region|party|traits|username"; match is "" while it waits
-- KEYS[2] online       hash, player -> last call at, ms  [3] online_seen  sorted set, the same in order
-- KEYS[4] matches      hash, match id -> its status and the match, of live matches
-- KEYS[5] outbox       hash, match id -> epoch, of matches that are not announced
-- KEYS[6] incarnation  string; missing where the data was lost
-- KEYS[7..] six a wanted queue: queue, arrivals, last_seen (sorted sets), stats (hash), nudge (string, a round was asked for),
--           round_lease (string, a round runs: it sees the nudge when it finishes)
-- then two a member: elsewhere (string), ratings (hash, queue -> rating; "<queue>:traits" and "blocks" -> traits)
-- ARGV[1] now, ms  [2] number of wanted queues  [3] number of members  [4] id for the ticket  [5] party
-- ARGV[6] queue lifetime, ms  [7] stats lifetime, ms  [8] nudge lifetime, ms  [9] ratings lifetime, ms  [10] online lifetime, ms
-- ARGV[11..] names of the wanted queues; then for each member: player, region, traits, username and a rating for each queue or "";
-- then names of all queues
--
-- Returns {"WAITING", "NEW"|"SAME", ticket of the first member, position, size, rating_sum, queues of which a round is wanted}
--         {"ELSEWHERE", queues, player}          this member has another ticket; nothing was written
--         {"MATCHED", status and match, player}  this member is in a live match; nothing was written
--         {"RATING_MISSING"}                     call again with the ratings of all; nothing was written
--         {"LOST"}                               a member has no ticket, and there is no incarnation; nothing was written
local call = redis.call
local tickets, now, wanted, members, id, party = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], ARGV[5]
local names, is_wanted, known = {}, {}, {}
for number = 1, wanted do names[number], is_wanted[ARGV[10 + number]] = ARGV[10 + number], true end
for place = 11 + wanted + members * (4 + wanted), #ARGV do known[ARGV[place]] = true end

local made, waiting = {}, {}
for number = 1, members do
  local at, key = 11 + wanted + (number - 1) * (4 + wanted), 7 + 6 * wanted + (number - 1) * 2
  local player, ticket, waits_in, same = ARGV[at], call('HGET', tickets, ARGV[at]), {}, 0
  local match_id, its_queues, its_party = string.match(ticket or '', '^([^|]*)|([^|]*)|[^|]*|[^|]*|[^|]*|[^|]*|([^|]*)')
  if ticket and match_id ~= '' and call('HEXISTS', KEYS[5], match_id) == 0 then
    local match = call('HGET', KEYS[4], match_id)
    if match then return {'MATCHED', match, player} end
    ticket = false -- its match is over
  end
  for name in string.gmatch(ticket and its_queues or '', '[^,]+') do
    if known[name] then waits_in[#waits_in + 1], same = name, same + (is_wanted[name] and 1 or 0) end
  end
  local elsewhere = call('GET', KEYS[key])
  if #waits_in > 0 and (its_party ~= party or same < wanted or #waits_in > wanted) then
    return {'ELSEWHERE', table.concat(waits_in, ','), player}
  end
  if elsewhere then return {'ELSEWHERE', elsewhere, player} end
  if #waits_in > 0 then
    waiting[#waiting + 1] = {player = player, ticket = ticket, waits_in = waits_in, is_claimed = match_id ~= ''}
  else
    if call('EXISTS', KEYS[6]) == 0 then return {'LOST'} end
    local fields, points = {}, {}
    for place = 1, wanted do fields[place] = names[place] end
    fields[wanted + 1], fields[wanted + 2] = names[1] .. ':traits', 'blocks'
    local found, traits = call('HMGET', KEYS[key + 1], unpack(fields)), {}
    for place = 1, wanted do
      points[place] = found[place] or ARGV[at + 3 + place]
      if points[place] == '' then return {'RATING_MISSING'} end
    end
    for _, said in ipairs({ARGV[at + 2], found[wanted + 1] or '', found[wanted + 2] or ''}) do
      if said ~= '' then traits[#traits + 1] = said end
    end
    local row = {'', table.concat(names, ','), id, table.concat(points, ','), now, ARGV[at + 1], party,
      table.concat(traits, ';'), ARGV[at + 3]}
    made[#made + 1] = {player = player, ticket = table.concat(row, '|'), points = points, found = found, ratings = KEYS[key + 1]}
  end
end
-- A party that waits waits whole; what is left of another one is in the way of a new ticket.
if #waiting > 0 and #made > 0 then
  return {'ELSEWHERE', table.concat(waiting[1].waits_in, ','), waiting[1].player}
end

local wants_round, first = {}, 1
for number = 1, members do
  local player = ARGV[11 + wanted + (number - 1) * (4 + wanted)]
  if call('HSET', KEYS[2], player, now) == 1 then call('PEXPIRE', KEYS[2], ARGV[10]) end
  if call('ZADD', KEYS[3], now, player) == 1 then call('PEXPIRE', KEYS[3], ARGV[10]) end
end
for number = 1, wanted do
  local key = 7 + (number - 1) * 6
  local queue, arrivals, last_seen, stats = KEYS[key], KEYS[key + 1], KEYS[key + 2], KEYS[key + 3]
  for _, one in ipairs(waiting) do
    if not one.is_claimed then call('ZADD', last_seen, now, one.player) end
    if names[number] == waiting[1].waits_in[1] then first = number end
  end
  if #made > 0 and call('ZCARD', queue) == 0 then call('HSET', stats, 'rating_sum', 0) end
  for _, one in ipairs(made) do
    call('HSET', tickets, one.player, one.ticket)
    call('ZADD', queue, one.points[number], one.player)
    call('ZADD', arrivals, now, one.player)
    call('ZADD', last_seen, now, one.player)
    call('HINCRBY', stats, 'total_joins', 1)
    call('HINCRBYFLOAT', stats, 'rating_sum', one.points[number])
    if not one.found[number] and call('HSETNX', one.ratings, names[number], one.points[number]) == 1 then
      call('PEXPIRE', one.ratings, ARGV[9])
    end
  end
  local size = call('ZCARD', queue)
  local asks = #made > 0 and size >= 2 and call('SET', KEYS[key + 4], now, 'NX', 'PX', ARGV[8])
  if asks and call('EXISTS', KEYS[key + 5]) == 0 then
    wants_round[#wants_round + 1] = names[number]
  end
  if #made > 0 and size == #made then -- rounds keep these alive, see begin_round
    for _, one in ipairs({tickets, queue, arrivals, last_seen}) do call('PEXPIRE', one, ARGV[6]) end
    call('PEXPIRE', stats, ARGV[7])
  end
end
local key, leader = 7 + (first - 1) * 6, (made[1] or waiting[1])
return {'WAITING', #made > 0 and 'NEW' or 'SAME', leader.ticket, call('ZRANK', KEYS[key + 1], leader.player) or 0,
  call('ZCARD', KEYS[key]), call('HGET', KEYS[key + 3], 'rating_sum') or '0', table.concat(wants_round, ',')}
