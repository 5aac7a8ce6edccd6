-- drop_tickets: waiting tickets end without a word, because they ended in the other store.
--
-- KEYS[1] tickets  hash, player -> "match|queues|id|ratings|…"; match is "" while it waits
-- KEYS[2..] four a queue, in the order of the names in ARGV: queue, arrivals, last_seen (sorted sets), stats (hash)
-- then last_word (string) of each player, in the order of ARGV: that of a ticket before this one
-- ARGV[1] players that follow; then they; then the names of the queues
--
-- Returns how many were dropped; matched ones stay
local words_from = 2 + 4 * (#ARGV - 1 - ARGV[1])
local tickets, queues_from, dropped, places = KEYS[1], ARGV[1] + 2, 0, {}
for place = queues_from, #ARGV do places[ARGV[place]] = 2 + (place - queues_from) * 4 end
for place = 2, queues_from - 1 do
  local player, ticket = ARGV[place], redis.call('HGET', tickets, ARGV[place]) or ''
  local waits_in, ratings = string.match(ticket, '^|([^|]*)|[^|]*|([^|]*)')
  if waits_in then
    redis.call('HDEL', tickets, player)
    redis.call('DEL', KEYS[words_from + place - 2])
    dropped = dropped + 1
  end
  local points = string.gmatch(ratings or '', '[^,]+')
  for name in string.gmatch(waits_in or '', '[^,]+') do
    local first, rating = places[name], points()
    if first and redis.call('ZREM', KEYS[first], player) == 1 then
      redis.call('ZREM', KEYS[first + 1], player)
      redis.call('ZREM', KEYS[first + 2], player)
      redis.call('HINCRBYFLOAT', KEYS[first + 3], 'rating_sum', -tonumber(rating))
    end
  end
end
return dropped
