-- leave_queue: take a player's ticket out of its queue, if it still waits there.
--
-- KEYS[1] tickets      hash, player -> "match|queue|id|rating|joined at, ms|region|username"; match is "" while it waits
-- KEYS[2] online       hash, player -> last call at, ms
-- KEYS[3] online_seen  sorted set, the same in order
-- KEYS[4] matches      hash, match id -> its status and the match, of live matches
-- KEYS[5] outbox       hash, match id -> epoch, of matches that are not announced
-- KEYS[6] incarnation  string; missing where the data was lost
-- KEYS[7] last_word    string, "word|ticket id|…": how the player's last ticket ended
-- KEYS[8..] four a queue, in the order of the names in ARGV: queue, arrivals, last_seen (sorted sets), stats (hash)
-- ARGV[1] player  [2] now, ms  [3] lifetime of the last word, ms  [4] request key or ""  [5..] names of the queues
--
-- Returns {"LEFT", last word}             it waited and is gone, by this call or by an earlier one with this request key
--         {"MATCHED", status and match}   a round was faster; nothing was written
--         {"BEING_MATCHED"}               a round has claimed it and its match is not announced; nothing was written
--         {"NOT_IN_QUEUE"}                nothing was written
--         {"LOST"}                        there is no ticket, and no incarnation; nothing was written
local tickets, outbox, player, now, request_key = KEYS[1], KEYS[5], ARGV[1], ARGV[2], ARGV[4]

local ticket = redis.call('HGET', tickets, player)
if not ticket then
  local word = request_key ~= '' and redis.call('GET', KEYS[7])
  local is_same = word and string.match(word, '^left|[^|]*|[^|]*|[^|]*|(.*)$') == request_key
  if is_same then return {'LEFT', word} end
  return redis.call('EXISTS', KEYS[6]) == 1 and {'NOT_IN_QUEUE'} or {'LOST'}
end
local match_id, its_queue, id, rating, joined_ms = string.match(ticket, '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)')
if match_id ~= '' then
  if redis.call('HEXISTS', outbox, match_id) == 1 then return {'BEING_MATCHED'} end
  local match = redis.call('HGET', KEYS[4], match_id)
  return match and {'MATCHED', match} or {'NOT_IN_QUEUE'}
end
local first
for place = 5, #ARGV do
  if ARGV[place] == its_queue then first = 8 + (place - 5) * 4 end
end
if not first then return {'NOT_IN_QUEUE'} end

local queue, arrivals, last_seen, stats = KEYS[first], KEYS[first + 1], KEYS[first + 2], KEYS[first + 3]
local waited_ms = string.format('%.0f', math.max(0, now - joined_ms))
local word = 'left|' .. id .. '|' .. its_queue .. '|' .. waited_ms .. '|' .. request_key
redis.call('HDEL', tickets, player)
redis.call('ZREM', queue, player)
redis.call('ZREM', arrivals, player)
redis.call('ZREM', last_seen, player)
redis.call('HINCRBY', stats, 'total_leaves', 1)
redis.call('HINCRBYFLOAT', stats, 'rating_sum', -tonumber(rating))
redis.call('SET', KEYS[7], word, 'PX', ARGV[3])
redis.call('HDEL', KEYS[2], player)
redis.call('ZREM', KEYS[3], player)
return {'LEFT', word}
