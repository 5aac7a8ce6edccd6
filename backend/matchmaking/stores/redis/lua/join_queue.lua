-- join_queue: put a player's ticket into its queues, or answer the ticket or live match there already is.
--
-- KEYS[1] tickets       hash, player -> "match|queues|id|ratings|joined at, ms|region|party|traits|username"; match is "" while it waits
-- KEYS[2] online        hash, player -> last call at, ms  [3] online_seen  sorted set, the same in order
-- KEYS[4] matches       hash, match id -> its status and the match, of live matches
-- KEYS[5] outbox        hash, match id -> epoch, of matches that are not announced
-- KEYS[6] elsewhere     string, the queue of another store in which the player waits
-- KEYS[7] last_word     string, "word|ticket id|…": how the player's last ticket ended
-- KEYS[8] ratings       hash, queue -> rating of this player; "<queue>:traits" and "blocks" -> traits
-- KEYS[9] incarnation   string; missing where the data was lost
-- KEYS[10..] six a wanted queue: queue, arrivals, last_seen (sorted sets), stats (hash), nudge (string, a round was asked for),
--            round_lease (string, a round runs: it sees the nudge when it finishes)
-- ARGV[1] player  [2] now, ms  [3] number of wanted queues  [4] "RESTORE" to put back this very ticket, unless it has ended; else ""
-- ARGV[5] id for a new ticket  [6] joined at, ms  [7] region  [8] party or ""  [9] traits that the caller knows  [10] username
-- ARGV[11] queue lifetime, ms  [12] stats lifetime, ms  [13] nudge lifetime, ms  [14] ratings lifetime, ms  [15] online lifetime, ms
-- ARGV[16..] names of the wanted queues; then a rating for each, to fill in where Redis knows none, or ""; then names of all queues
--
-- Returns {"WAITING", "NEW"|"SAME", ticket, position, size, rating_sum, queues of which a round has to be begun, with commas}
--         {"MATCHED", status and match}      a match is live; nothing but "last call" was written
--         {"ELSEWHERE", queues}              a ticket waits in others than the wanted ones; nothing was written
--         {"LOST"}                           there is no ticket, and no incarnation; nothing was written
--         {"RATING_MISSING"}                 call again with the ratings; nothing was written
--         {"OVER", last word}                RESTORE: this ticket has ended; nothing but "last call" was written
--         {"PARTED"}                         RESTORE: a member of its party has another ticket; nothing was written
local call = redis.call
local tickets, online, online_seen, matches, outbox, ratings = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[8]
local player, now, wanted, restores, id, joined_ms = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == 'RESTORE', ARGV[5], ARGV[6]
local party, username = ARGV[8], ARGV[10]

local names, place_of, points, fields = {}, {}, {}, {}
for number = 1, wanted do
  local name = ARGV[15 + number]
  names[number], fields[number], place_of[name], points[number] = name, name, number, ARGV[15 + wanted + number]
end
local ticket = call('HGET', tickets, player)
local match_id, its_queues, match, over = '', '', nil, nil
if ticket then match_id, its_queues = string.match(ticket, '^([^|]*)|([^|]*)') end
if match_id ~= '' and call('HEXISTS', outbox, match_id) == 0 then
  match = call('HGET', matches, match_id)
  if not match then ticket = false end -- its match is over
end
local waits_in, same = {}, 0 -- a ticket in queues that are no more is none
if ticket and not match then
  for name in string.gmatch(its_queues, '[^,]+') do
    for place = 16 + 2 * wanted, #ARGV do
      if ARGV[place] == name then waits_in[#waits_in + 1], same = name, same + (place_of[name] and 1 or 0) end
    end
  end
end
local is_waiting = #waits_in > 0
if not ticket and call('EXISTS', KEYS[9]) == 0 then return {'LOST'} end
if is_waiting and (same < wanted or #waits_in > wanted) then return {'ELSEWHERE', table.concat(waits_in, ',')} end
local elsewhere = not ticket and call('GET', KEYS[6])
if elsewhere then return {'ELSEWHERE', elsewhere} end
local lacks_members = false
if restores and not ticket then
  local word = call('GET', KEYS[7])
  over = word and string.match(word, '^[^|]*|([^|]*)') == id and word
  for member in string.gmatch(string.match(party, ':(.*)') or '', '[^,]+') do
    local row = member ~= player and (call('HGET', tickets, member) or '') or '||' .. id
    local its_match, its_id = string.match(row, '^([^|]*)|[^|]*|([^|]*)')
    if its_id and not over and (its_id ~= id or its_match ~= '') then return {'PARTED'} end
    lacks_members = lacks_members or not its_id
  end
end
local makes = not is_waiting and not match and not over
local found = {}
if makes then
  fields[wanted + 1], fields[wanted + 2] = names[1] .. ':traits', 'blocks'
  found = call('HMGET', ratings, unpack(fields))
  for number = 1, wanted do
    if not restores then points[number] = found[number] or points[number] end
    if points[number] == '' then return {'RATING_MISSING'} end
  end
end

if call('HSET', online, player, now) == 1 then call('PEXPIRE', online, ARGV[15]) end
if call('ZADD', online_seen, now, player) == 1 then call('PEXPIRE', online_seen, ARGV[15]) end
if match then return {'MATCHED', match} end
if over then return {'OVER', over} end
if makes then
  local traits = ARGV[9]
  for number = wanted + 1, wanted + 2 do
    if found[number] and found[number] ~= '' then traits = traits .. (traits ~= '' and ';' or '') .. found[number] end
  end
  local its_names, its_points = names[1], points[1]
  if wanted > 1 then its_names, its_points = table.concat(names, ','), table.concat(points, ',') end
  ticket = '|' .. its_names .. '|' .. id .. '|' .. its_points .. '|' .. joined_ms .. '|' .. ARGV[7] .. '|' .. party .. '|'
    .. traits .. '|' .. username
  call('HSET', tickets, player, ticket)
end
local first, wants_round = place_of[waits_in[1] or names[1]], {}
local size_of_first
for number = 1, wanted do
  local key = 10 + (number - 1) * 6
  local queue, arrivals, last_seen, stats, nudge = KEYS[key], KEYS[key + 1], KEYS[key + 2], KEYS[key + 3], KEYS[key + 4]
  local size = call('ZCARD', queue)
  if makes then
    if size == 0 then call('HSET', stats, 'rating_sum', 0) end
    call('ZADD', queue, points[number], player)
    call('ZADD', arrivals, joined_ms, player)
    if not restores then
      if not found[number] and call('HSETNX', ratings, names[number], points[number]) == 1 then
        call('PEXPIRE', ratings, ARGV[14])
      end
      call('HINCRBY', stats, 'total_joins', 1)
    end
    call('HINCRBYFLOAT', stats, 'rating_sum', points[number])
    size = size + 1
    if size >= 2 and call('SET', nudge, now, 'NX', 'PX', ARGV[13]) and call('EXISTS', KEYS[key + 5]) == 0 then
      wants_round[#wants_round + 1] = names[number]
    end
  end
  if match_id == '' or not is_waiting then call('ZADD', last_seen, now, player) end
  if lacks_members then call('ZADD', last_seen, now, 'lacks_members:' .. player .. '|' .. id) end
  if size == 1 then -- rounds keep these alive, see begin_round
    for _, one in ipairs({tickets, queue, arrivals, last_seen}) do call('PEXPIRE', one, ARGV[11]) end
    call('PEXPIRE', stats, ARGV[12])
  end
  if number == first then size_of_first = size end
end
local key = 10 + (first - 1) * 6
return {'WAITING', makes and 'NEW' or 'SAME', ticket, call('ZRANK', KEYS[key + 1], player) or 0, size_of_first,
  call('HGET', KEYS[key + 3], 'rating_sum') or '0', table.concat(wants_round, ',')}
