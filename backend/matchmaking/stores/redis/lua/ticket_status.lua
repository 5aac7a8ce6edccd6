-- ticket_status: what became of a player's ticket; asking keeps a waiting ticket alive.
--
-- KEYS[1] tickets      hash, player -> "match|queues|id|ratings|joined at, ms|…|username"; match is "" while it waits
-- KEYS[2] online       hash, player -> last call at, ms
-- KEYS[3] online_seen  sorted set, the same in order
-- KEYS[4] matches      hash, match id -> its status and the match, of live matches
-- KEYS[5] outbox       hash, match id -> epoch, of matches that are not announced
-- KEYS[6] incarnation  string; missing where the data was lost
-- KEYS[7] last_word    string, "word|ticket id|…": how the player's last ticket ended
-- KEYS[8..] four a queue, in the order of the names in ARGV: queue, arrivals, last_seen (sorted sets), stats (hash)
-- ARGV[1] player  [2] now, ms  [3] online lifetime, ms  [4..] names of the queues
--
-- Returns {"WAITING", "SAME", ticket, position, size, rating_sum, ""}   of its first queue
--         {"MATCHED", status and match}  the match is live
--         {"OVER", last word}            the ticket has ended: "expired", "ended" or "left"
--         {"NOT_IN_QUEUE"}               there is no ticket
--         {"LOST"}                       there is none, and no incarnation
local tickets, online, online_seen, matches, outbox = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local player, now = ARGV[1], ARGV[2]

local ticket = redis.call('HGET', tickets, player)
local match_id, its_queues, match, places = '', '', nil, {}
if ticket then match_id, its_queues = string.match(ticket, '^([^|]*)|([^|]*)') end
if match_id ~= '' and redis.call('HEXISTS', outbox, match_id) == 0 then
  match = redis.call('HGET', matches, match_id)
  if not match then ticket = false end -- its match is over
end
for name in string.gmatch(its_queues, '[^,]+') do
  for place = 4, #ARGV do
    if ARGV[place] == name then places[#places + 1] = 8 + (place - 4) * 4 end
  end
end
local first = places[1]

if redis.call('HSET', online, player, now) == 1 then redis.call('PEXPIRE', online, ARGV[3]) end
if redis.call('ZADD', online_seen, now, player) == 1 then redis.call('PEXPIRE', online_seen, ARGV[3]) end
if match then return {'MATCHED', match} end
if not ticket or not first then
  local word = not ticket and redis.call('GET', KEYS[7])
  if word then return {'OVER', word} end
  return redis.call('EXISTS', KEYS[6]) == 1 and {'NOT_IN_QUEUE'} or {'LOST'}
end
if match_id == '' then
  for _, place in ipairs(places) do redis.call('ZADD', KEYS[place + 2], now, player) end
end
return {'WAITING', 'SAME', ticket, redis.call('ZRANK', KEYS[first + 1], player) or 0, redis.call('ZCARD', KEYS[first]),
  redis.call('HGET', KEYS[first + 3], 'rating_sum') or '0', ''}
