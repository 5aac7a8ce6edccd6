-- claim_seats: take the tickets of players for open seats of a running match, all of them or none.
--
-- KEYS[1] tickets       hash, player -> "match|queues|id|ratings|joined at, ms|…|username"; match is "" while it waits
-- KEYS[2] matches       hash, match id -> its status and the match, of live matches; claim id -> what is claimed
-- KEYS[3] outbox        hash, match id or claim id -> epoch, of what is not announced
-- KEYS[4..] four a queue, in the order of the names in ARGV: queue, arrivals, last_seen (sorted sets), stats (hash)
-- ARGV[1] claim id  [2] first line of what is claimed  [3] epoch  [4] lifetime of matches, ms  [5] players
-- ARGV[6..] for each of them: player, ticket as the snapshot saw it; then the names of the queues
--
-- Returns {"CLAIMED"}, or {"TAKEN"} where a ticket no longer waits; then nothing was written
local tickets, claim_id, players = KEYS[1], ARGV[1], tonumber(ARGV[5])
local queues_from, places, is_named = 6 + 2 * players, {}, {}
for place = queues_from, #ARGV do places[ARGV[place]] = 4 + (place - queues_from) * 4 end

for place = 6, queues_from - 1, 2 do
  if is_named[ARGV[place]] or redis.call('HGET', tickets, ARGV[place]) ~= ARGV[place + 1] then return {'TAKEN'} end
  is_named[ARGV[place]] = true
end

local claimed = ARGV[2]
for place = 6, queues_from - 1, 2 do
  local player, mark = ARGV[place], ARGV[place + 1]
  local its_queues, its_ratings = string.match(mark, '^|([^|]*)|[^|]*|([^|]*)')
  local points = string.gmatch(its_ratings, '[^,]+')
  for name in string.gmatch(its_queues, '[^,]+') do
    local first, rating = places[name], points()
    if first and redis.call('ZREM', KEYS[first], player) == 1 then
      redis.call('ZREM', KEYS[first + 1], player)
      redis.call('ZREM', KEYS[first + 2], player)
      redis.call('HINCRBYFLOAT', KEYS[first + 3], 'rating_sum', -tonumber(rating))
    end
  end
  redis.call('HSET', tickets, player, claim_id .. mark)
  claimed = claimed .. '\n' .. player .. mark
end
redis.call('HSET', KEYS[2], claim_id, claimed)
redis.call('HSET', KEYS[3], claim_id, ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
return {'CLAIMED'}
