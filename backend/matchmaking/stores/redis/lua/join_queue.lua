-- join_queue: put a player's ticket into a queue, or answer the ticket or live match there already is.
--
-- KEYS[1] ticket         hash, the player's ticket
-- KEYS[2] queue          sorted set, player -> rating
-- KEYS[3] arrivals       sorted set, player -> joined at, ms
-- KEYS[4] last_seen      sorted set, player -> last asked at, ms
-- KEYS[5] stats          hash, counters of the queue
-- KEYS[6] nudge          string, a round was asked for and has not begun
-- KEYS[7] online         hash, player -> last call at, ms
-- KEYS[8] online_seen    sorted set, the same in order
-- KEYS[9] ratings        hash, queue -> rating of this player
-- KEYS[10] matches       hash, match id -> its status and the match, of live matches
-- ARGV[1] player  [2] username  [3] queue name  [4] region or ""  [5] id for a new ticket  [6] now, ms
-- ARGV[7] rating to fill in where Redis knows none, or ""
-- ARGV[8] ticket lifetime, ms  [9] queue lifetime, ms  [10] stats lifetime, ms  [11] nudge lifetime, ms
-- ARGV[12] ratings lifetime, ms  [13] online lifetime, ms  [14..] names of the queues
--
-- Returns {"WAITING", "NEW"|"SAME", ticket_id, queue, rating, joined_ms, position, size, rating_sum, "NUDGE"|""}
--         {"MATCHED", match_status, match}   a match is live; nothing but "last call" was written
--         {"ELSEWHERE", queue}               a ticket waits in another queue; nothing was written
--         {"RATING_MISSING"}                 call again with the rating; nothing was written
local ticket, queue, arrivals, last_seen, stats = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local nudge, online, online_seen, ratings, matches = KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
local player, username, queue_name, region, new_id, now = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]

local known = redis.call('HMGET', ticket, 'status', 'queue', 'match_status', 'match_id', 'id', 'rating', 'joined_ms')
local is_waiting = false -- a ticket in a queue that is no more is none
for place = 14, #ARGV do is_waiting = is_waiting or (known[1] == 'waiting' and known[2] == ARGV[place]) end
local is_live = known[1] == 'matched' and (known[3] == 'created' or known[3] == 'in_progress')
local match = is_live and redis.call('HGET', matches, known[4])
if is_waiting and known[2] ~= queue_name then return {'ELSEWHERE', known[2]} end
local rating = is_waiting and known[6] or redis.call('HGET', ratings, queue_name) or ARGV[7]
if rating == '' and not match then return {'RATING_MISSING'} end

redis.call('HSET', online, player, now)
redis.call('ZADD', online_seen, now, player)
redis.call('PEXPIRE', online, ARGV[13])
redis.call('PEXPIRE', online_seen, ARGV[13])
if match then return {'MATCHED', known[3], string.match(match, ' (.*)$')} end

local id, joined_ms = known[5], known[7]
if not is_waiting then
  id, joined_ms = new_id, now
  if redis.call('ZCARD', queue) == 0 then redis.call('HSET', stats, 'rating_sum', 0) end
  if redis.call('HSETNX', ratings, queue_name, rating) == 1 then redis.call('PEXPIRE', ratings, ARGV[12]) end
  redis.call('DEL', ticket)
  redis.call('HSET', ticket, 'id', id, 'status', 'waiting', 'queue', queue_name, 'region', region, 'rating', rating,
    'joined_ms', now, 'username', username)
  redis.call('ZADD', queue, rating, player)
  redis.call('ZADD', arrivals, now, player)
  redis.call('HINCRBY', stats, 'total_joins', 1)
  redis.call('HINCRBYFLOAT', stats, 'rating_sum', rating)
  redis.call('PEXPIRE', queue, ARGV[9])
  redis.call('PEXPIRE', arrivals, ARGV[9])
  redis.call('PEXPIRE', stats, ARGV[10])
end
redis.call('ZADD', last_seen, now, player)
redis.call('PEXPIRE', last_seen, ARGV[9])
redis.call('PEXPIRE', ticket, ARGV[8])

local size = redis.call('ZCARD', queue)
local wants_round = ''
if not is_waiting and size >= 2 and redis.call('SET', nudge, now, 'NX', 'PX', ARGV[11]) then wants_round = 'NUDGE' end
return {'WAITING', is_waiting and 'SAME' or 'NEW', id, queue_name, rating, joined_ms,
  redis.call('ZRANK', arrivals, player) or 0, size, redis.call('HGET', stats, 'rating_sum') or '0', wants_round}
