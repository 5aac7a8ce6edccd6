-- join_queue: put a player's ticket into a queue, or answer the ticket or live match there already is.
--
-- KEYS[1] tickets        hash, player -> "match|queue|id|rating|joined at, ms|region|username"; match is "" while it waits
-- KEYS[2] queue          sorted set, player -> rating
-- KEYS[3] arrivals       sorted set, player -> joined at, ms
-- KEYS[4] last_seen      sorted set, player -> last asked at, ms
-- KEYS[5] stats          hash, counters of the queue
-- KEYS[6] nudge          string, a round was asked for and has not begun
-- KEYS[7] online         hash, player -> last call at, ms
-- KEYS[8] online_seen    sorted set, the same in order
-- KEYS[9] matches        hash, match id -> its status and the match, of live matches
-- KEYS[10] outbox        hash, match id -> epoch, of matches that are not announced
-- KEYS[11] elsewhere     string, the queue of another store in which the player waits
-- KEYS[12] last_word     string, "word|ticket id|…": how the player's last ticket ended
-- KEYS[13] ratings       hash, queue -> rating of this player
-- KEYS[14] incarnation   string; missing where the data was lost
-- ARGV[1] player  [2] now, ms  [3] queue name
-- ARGV[4] id for a new ticket  [5] rating to fill in where Redis knows none, or ""  [6] joined at, ms  [7] region  [8] username
-- ARGV[9] "RESTORE" to put back this very ticket, unless it is known to have ended; else ""
-- ARGV[10] queue lifetime, ms  [11] stats lifetime, ms  [12] nudge lifetime, ms  [13] ratings lifetime, ms
-- ARGV[14] online lifetime, ms  [15..] names of the queues
--
-- Returns {"WAITING", "NEW"|"SAME", ticket, position, size, rating_sum, "NUDGE"|""}
--         {"MATCHED", status and match}      a match is live; nothing but "last call" was written
--         {"ELSEWHERE", queue}               a ticket waits in another queue; nothing was written
--         {"LOST"}                           there is no ticket, and no incarnation; nothing was written
--         {"RATING_MISSING"}                 call again with the rating; nothing was written
--         {"OVER", last word}                RESTORE: this ticket has ended; nothing but "last call" was written
local tickets, queue, arrivals, last_seen, stats, nudge = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local online, online_seen, matches, outbox, ratings = KEYS[7], KEYS[8], KEYS[9], KEYS[10], KEYS[13]
local player, now, queue_name, restores = ARGV[1], ARGV[2], ARGV[3], ARGV[9] == 'RESTORE'

local ticket = redis.call('HGET', tickets, player)
local match_id, its_queue, match, over = '', nil, nil, nil
if ticket then match_id, its_queue = string.match(ticket, '^([^|]*)|([^|]*)') end
if match_id ~= '' and redis.call('HEXISTS', outbox, match_id) == 0 then
  match = redis.call('HGET', matches, match_id)
  if not match then ticket = false end -- its match is over
end
local is_waiting = false -- a ticket in a queue that is no more is none
for place = 15, #ARGV do is_waiting = is_waiting or (ticket and not match and its_queue == ARGV[place]) end
if not ticket and redis.call('EXISTS', KEYS[14]) == 0 then return {'LOST'} end
local elsewhere = not ticket and redis.call('GET', KEYS[11])
local rating = ARGV[5]
if is_waiting and its_queue ~= queue_name then return {'ELSEWHERE', its_queue} end
if elsewhere then return {'ELSEWHERE', elsewhere} end
if restores and not ticket then
  local word = redis.call('GET', KEYS[12])
  over = word and string.match(word, '^[^|]*|([^|]*)') == ARGV[4] and word
elseif not is_waiting and not match then
  rating = redis.call('HGET', ratings, queue_name) or rating
  if rating == '' then return {'RATING_MISSING'} end
end

if redis.call('HSET', online, player, now) == 1 then redis.call('PEXPIRE', online, ARGV[14]) end
if redis.call('ZADD', online_seen, now, player) == 1 then redis.call('PEXPIRE', online_seen, ARGV[14]) end
if match then return {'MATCHED', match} end
if over then return {'OVER', over} end
local size = redis.call('ZCARD', queue)
local wants_round = ''
if not is_waiting then
  ticket = '|' .. queue_name .. '|' .. ARGV[4] .. '|' .. rating .. '|' .. ARGV[6] .. '|' .. ARGV[7] .. '|' .. ARGV[8]
  if size == 0 then redis.call('HSET', stats, 'rating_sum', 0) end
  redis.call('HSET', tickets, player, ticket)
  redis.call('ZADD', queue, rating, player)
  redis.call('ZADD', arrivals, ARGV[6], player)
  if not restores then
    if redis.call('HSETNX', ratings, queue_name, rating) == 1 then redis.call('PEXPIRE', ratings, ARGV[13]) end
    redis.call('HINCRBY', stats, 'total_joins', 1)
  end
  redis.call('HINCRBYFLOAT', stats, 'rating_sum', rating)
  size = size + 1
  if size >= 2 and redis.call('SET', nudge, now, 'NX', 'PX', ARGV[12]) then wants_round = 'NUDGE' end
end
if match_id == '' or not is_waiting then redis.call('ZADD', last_seen, now, player) end
if size == 1 then -- rounds keep these alive, see begin_round
  for _, key in ipairs({tickets, queue, arrivals, last_seen}) do redis.call('PEXPIRE', key, ARGV[10]) end
  redis.call('PEXPIRE', stats, ARGV[11])
end
return {'WAITING', is_waiting and 'SAME' or 'NEW', ticket, redis.call('ZRANK', arrivals, player) or 0, size,
  redis.call('HGET', stats, 'rating_sum') or '0', wants_round}
