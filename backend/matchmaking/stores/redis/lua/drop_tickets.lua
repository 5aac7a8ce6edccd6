-- drop_tickets: waiting tickets end without a word, because they ended in the other store or in lost data.
--
-- KEYS[1] tickets  hash, player -> "match|queues|id|ratings|…"; match is "" while it waits
-- KEYS[2..] four a queue, in the order of the names in ARGV: queue, arrivals, last_seen (sorted sets), stats (hash)
-- then last_word (string) of each player, in the order of ARGV: that of a ticket before this one
-- ARGV[1] players  [2..] for each of them: player, id of the ticket or "" for any; then the names of the queues
--
-- Returns how many were dropped; matched ones stay
local players, tickets, dropped, places = tonumber(ARGV[1]), KEYS[1], 0, {}
local queues_from = 2 + 2 * players
local words_from = 2 + 4 * (#ARGV + 1 - queues_from)
for place = queues_from, #ARGV do places[ARGV[place]] = 2 + (place - queues_from) * 4 end
for number = 1, players do
  local player, only = ARGV[2 * number], ARGV[2 * number + 1]
  local ticket = redis.call('HGET', tickets, player) or ''
  local waits_in, id, ratings = string.match(ticket, '^|([^|]*)|([^|]*)|([^|]*)')
  if only ~= '' and only ~= id then waits_in = nil end
  if waits_in then
    redis.call('HDEL', tickets, player)
    redis.call('DEL', KEYS[words_from + number - 1])
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
