-- leave_queue: take a player's ticket out of its queue, if it still waits there.
--
-- KEYS[1] ticket       hash, the player's ticket
-- KEYS[2] online       hash, player -> last call at, ms
-- KEYS[3] online_seen  sorted set, the same in order
-- KEYS[4] matches      hash, match id -> its status and the match, of live matches
-- KEYS[5..] four a queue, in the order of the names in ARGV: queue, arrivals, last_seen (sorted sets), stats (hash)
-- ARGV[1] player  [2] now, ms  [3..] names of the queues
--
-- Returns {"LEFT", queue, ticket_id, waited_ms}  it waited and is gone
--         {"MATCHED", match_status, match}       a round was faster; nothing was written
--         {"NOT_IN_QUEUE"}                       nothing was written
local ticket, matches, player, now = KEYS[1], KEYS[4], ARGV[1], ARGV[2]

local known = redis.call('HMGET', ticket, 'status', 'queue', 'match_status', 'match_id', 'id', 'rating', 'joined_ms')
local is_live = known[1] == 'matched' and (known[3] == 'created' or known[3] == 'in_progress')
local match = is_live and redis.call('HGET', matches, known[4])
if match then return {'MATCHED', known[3], string.match(match, ' (.*)$')} end
local first
for place = 3, #ARGV do
  if ARGV[place] == known[2] then first = 5 + (place - 3) * 4 end
end
if known[1] ~= 'waiting' or not first then return {'NOT_IN_QUEUE'} end

local queue, arrivals, last_seen, stats = KEYS[first], KEYS[first + 1], KEYS[first + 2], KEYS[first + 3]
redis.call('ZREM', queue, player)
redis.call('ZREM', arrivals, player)
redis.call('ZREM', last_seen, player)
redis.call('HINCRBY', stats, 'total_leaves', 1)
redis.call('HINCRBYFLOAT', stats, 'rating_sum', -tonumber(known[6]))
redis.call('DEL', ticket)
redis.call('HDEL', KEYS[2], player)
redis.call('ZREM', KEYS[3], player)
return {'LEFT', known[2], known[5], string.format('%.0f', math.max(0, now - known[7]))}
