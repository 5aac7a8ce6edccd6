-- drop_tickets: waiting tickets end without a word, because they ended in the other store.
--
-- KEYS[1] tickets  hash, player -> "match|queue|id|rating|…"; match is "" while it waits
-- KEYS[2..] four a queue, in the order of the names in ARGV: queue, arrivals, last_seen (sorted sets), stats (hash)
-- ARGV[1] players that follow; then they; then the names of the queues
--
-- Returns how many were dropped; matched ones stay
local tickets, queues_from, dropped = KEYS[1], ARGV[1] + 2, 0
for place = 2, queues_from - 1 do
  local player, ticket = ARGV[place], redis.call('HGET', tickets, ARGV[place]) or ''
  local waits_in, rating = string.match(ticket, '^|([^|]*)|[^|]*|([^|]*)')
  if waits_in then
    redis.call('HDEL', tickets, player)
    dropped = dropped + 1
  end
  for name = queues_from, #ARGV do
    local first = 2 + (name - queues_from) * 4
    if ARGV[name] == waits_in and redis.call('ZREM', KEYS[first], player) == 1 then
      redis.call('ZREM', KEYS[first + 1], player)
      redis.call('ZREM', KEYS[first + 2], player)
      redis.call('HINCRBYFLOAT', KEYS[first + 3], 'rating_sum', -tonumber(rating))
    end
  end
end
return dropped
