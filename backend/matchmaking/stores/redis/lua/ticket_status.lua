-- ticket_status: what became of a player's ticket; asking keeps a waiting ticket alive.
--
-- KEYS[1] ticket       hash, the player's ticket
-- KEYS[2] online       hash, player -> last call at, ms
-- KEYS[3] online_seen  sorted set, the same in order
-- KEYS[4] matches      hash, match id -> its status and the match, of live matches
-- KEYS[5..] four a queue, in the order of the names in ARGV: queue, arrivals, last_seen (sorted sets), stats (hash)
-- ARGV[1] player  [2] now, ms  [3] ticket lifetime, ms  [4] online lifetime, ms  [5] queue lifetime, ms
-- ARGV[6..] names of the queues
--
-- Returns {"WAITING", "SAME", ticket_id, queue, rating, joined_ms, position, size, rating_sum, ""}
--         {"MATCHED", match_status, match}   the match is live
--         {"ENDED", match_status, match_id}  it was matched, and the match is over
--         {"EXPIRED", queue}                 it was not asked for in time
--         {"NOT_IN_QUEUE"}                   there is no ticket
local ticket, online, online_seen, matches = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local player, now = ARGV[1], ARGV[2]

local known = redis.call('HMGET', ticket, 'status', 'queue', 'match_status', 'match_id', 'id', 'rating', 'joined_ms')
local first
for place = 6, #ARGV do
  if ARGV[place] == known[2] then first = 5 + (place - 6) * 4 end
end
local is_live = known[1] == 'matched' and (known[3] == 'created' or known[3] == 'in_progress')
local match = is_live and redis.call('HGET', matches, known[4])

redis.call('HSET', online, player, now)
redis.call('ZADD', online_seen, now, player)
redis.call('PEXPIRE', online, ARGV[4])
redis.call('PEXPIRE', online_seen, ARGV[4])
if match then return {'MATCHED', known[3], string.match(match, ' (.*)$')} end
if known[1] == 'matched' then return {'ENDED', is_live and 'abandoned' or known[3], known[4]} end
if known[1] == 'expired' then return {'EXPIRED', known[2]} end
if known[1] ~= 'waiting' or not first then return {'NOT_IN_QUEUE'} end

local queue, arrivals, last_seen, stats = KEYS[first], KEYS[first + 1], KEYS[first + 2], KEYS[first + 3]
redis.call('ZADD', last_seen, now, player)
for _, key in ipairs({queue, arrivals, last_seen}) do redis.call('PEXPIRE', key, ARGV[5]) end
redis.call('PEXPIRE', ticket, ARGV[3])
return {'WAITING', 'SAME', known[5], known[2], known[6], known[7], redis.call('ZRANK', arrivals, player) or 0,
  redis.call('ZCARD', queue), redis.call('HGET', stats, 'rating_sum') or '0', ''}
