-- leave_queue: take a player's ticket out of its queues, if it still waits there, and the tickets of the player's party.
--
-- KEYS[1] tickets      hash, player -> "match|queues|id|ratings|joined at, ms|region|party|traits|username"; match is "" while it waits
-- KEYS[2] online       hash, player -> last call at, ms
-- KEYS[3] online_seen  sorted set, the same in order
-- KEYS[4] matches      hash, match id -> its status and the match, of live matches
-- KEYS[5] outbox       hash, match id -> epoch, of matches that are not announced
-- KEYS[6] incarnation  string; missing where the data was lost
-- KEYS[7..] last_word (string, "word|ticket id|…": how the last ticket ended) of the player, then of each other member
-- then four a queue, in the order of the names in ARGV: queue, arrivals, last_seen (sorted sets), stats (hash)
-- ARGV[1] now, ms  [2] lifetime of the last word, ms  [3] request key or ""  [4] players that follow, the one who leaves first;
-- ARGV[5..] the players; then the names of all queues
--
-- Returns {"LEFT", last word}             it waited and is gone, by this call or by an earlier one with this request key
--         {"MATCHED", status and match}   a round was faster; nothing was written
--         {"BEING_MATCHED"}               a round has claimed it and its match is not announced; nothing was written
--         {"NOT_IN_QUEUE"}                nothing was written
--         {"PARTY", party}                call again with the other members of this party; nothing was written
--         {"LOST"}                        there is no ticket, and no incarnation; nothing was written
local tickets, outbox, now, request_key, players = KEYS[1], KEYS[5], ARGV[1], ARGV[3], tonumber(ARGV[4])

local ticket = redis.call('HGET', tickets, ARGV[5])
if not ticket then
  local word = request_key ~= '' and redis.call('GET', KEYS[7])
  local is_same = word and string.match(word, '^left|[^|]*|[^|]*|[^|]*|(.*)$') == request_key
  if is_same then return {'LEFT', word} end
  return redis.call('EXISTS', KEYS[6]) == 1 and {'NOT_IN_QUEUE'} or {'LOST'}
end
local pattern = '^([^|]*)|([^|]*)|([^|]*)|([^|]*)|([^|]*)|[^|]*|([^|]*)'
local match_id, its_queues, id, _, joined_ms, party = string.match(ticket, pattern)
if match_id ~= '' then
  if redis.call('HEXISTS', outbox, match_id) == 1 then return {'BEING_MATCHED'} end
  local match = redis.call('HGET', KEYS[4], match_id)
  return match and {'MATCHED', match} or {'NOT_IN_QUEUE'}
end
local places, named = {}, {}
for place = 5 + players, #ARGV do places[ARGV[place]] = 7 + players + (place - 5 - players) * 4 end
for place = 5, 4 + players do named[ARGV[place]] = true end
local first
for name in string.gmatch(its_queues, '[^,]+') do first = first or (places[name] and name) end
if not first then return {'NOT_IN_QUEUE'} end
for member in string.gmatch(string.match(party, ':(.*)') or '', '[^,]+') do
  if not named[member] then return {'PARTY', party} end
end

local waited_ms = string.format('%.0f', math.max(0, now - joined_ms))
local word = 'left|' .. id .. '|' .. first .. '|' .. waited_ms .. '|'
for number = 1, players do
  local player = ARGV[4 + number]
  local its_id, its_points = string.match(redis.call('HGET', tickets, player) or '', '^|[^|]*|([^|]*)|([^|]*)')
  if its_id == id then
    local points = string.gmatch(its_points, '[^,]+')
    for name in string.gmatch(its_queues, '[^,]+') do
      local at, rating = places[name], points()
      if at and redis.call('ZREM', KEYS[at], player) == 1 then
        redis.call('ZREM', KEYS[at + 1], player)
        redis.call('ZREM', KEYS[at + 2], player)
        redis.call('HINCRBY', KEYS[at + 3], 'total_leaves', 1)
        redis.call('HINCRBYFLOAT', KEYS[at + 3], 'rating_sum', -tonumber(rating))
      end
    end
    redis.call('HDEL', tickets, player)
    redis.call('SET', KEYS[6 + number], word .. (number == 1 and request_key or ''), 'PX', ARGV[2])
  end
end
redis.call('HDEL', KEYS[2], ARGV[5])
redis.call('ZREM', KEYS[3], ARGV[5])
return {'LEFT', word .. request_key}
