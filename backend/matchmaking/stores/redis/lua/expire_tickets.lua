-- expire_tickets: end the tickets among those named that nobody has asked for in time.
--
-- KEYS[1] queue  [2] arrivals  [3] last_seen  sorted sets of the queue
-- KEYS[4] stats    hash, counters of the queue
-- KEYS[5] tickets  hash, player -> "match|queue|id|rating|joined at, ms|region|username"; match is "" while it waits
-- KEYS[6..]        last_word (string) of each player, in the order of the players in ARGV
-- ARGV[1] queue name  [2] last asked before, ms  [3] lifetime of the last word, ms  [4..] players
--
-- Returns the ids of the tickets that ended; whoever has asked meanwhile stays.
local queue, arrivals, last_seen, stats, tickets = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local queue_name, before = ARGV[1], tonumber(ARGV[2])

local silent = {}
for place = 4, #ARGV do
  local seen = redis.call('ZSCORE', last_seen, ARGV[place])
  if seen and tonumber(seen) < before then silent[#silent + 1] = {player = ARGV[place], last_word = KEYS[place + 2]} end
end

local ended, rating_sum = {}, 0
for _, one in ipairs(silent) do
  local ticket = redis.call('HGET', tickets, one.player) or ''
  local its_queue, id = string.match(ticket, '^|([^|]*)|([^|]*)')
  rating_sum = rating_sum + (redis.call('ZSCORE', queue, one.player) or 0)
  redis.call('ZREM', queue, one.player)
  redis.call('ZREM', arrivals, one.player)
  redis.call('ZREM', last_seen, one.player)
  if its_queue == queue_name then
    redis.call('HDEL', tickets, one.player)
    redis.call('SET', one.last_word, 'expired|' .. id .. '|' .. queue_name, 'PX', ARGV[3])
    ended[#ended + 1] = id
  end
end
if #ended > 0 then redis.call('HINCRBY', stats, 'total_expired', #ended) end
if rating_sum ~= 0 then redis.call('HINCRBYFLOAT', stats, 'rating_sum', -rating_sum) end
return ended
