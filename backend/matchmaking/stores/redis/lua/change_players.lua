-- change_players: who plays in a match has changed: some have left, some were claimed for their seats.
--
-- KEYS[1] matches       hash, match id -> its status and the match, of live matches; claim id -> what is claimed
-- KEYS[2] outbox        hash, match id or claim id -> epoch, of what is not announced
-- KEYS[3] tickets       hash, player -> "match|queues|id|…"
-- KEYS[4..]             last_word (string) of each who plays now, then of each who has left
-- ARGV[1] match id  [2] its status and the match, with those who play now  [3] how it ended, "" where it is live
-- ARGV[4] claim id or ""  [5] lifetime of a last word, ms  [6] players who play now  [7] players of the claim
-- ARGV[8..] the players of the claim; then those who play now; then those who have left
--
-- Returns {"CHANGED"}
--         {"UNKNOWN"}     it is live and not known here; nothing was written
--         {"GIVEN_BACK"}  the claim is not there any more, and its players are not in the match; nothing was written
local matches, outbox, tickets, match_id, how, claim_id = KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[3], ARGV[4]
local first = 8 + ARGV[7]
local first_left = first + ARGV[6]
local pattern = '^([^|]*)(|([^|]*)|([^|]*).*)$'

local live = redis.call('HGET', matches, match_id)
if how == '' and not live then return {'UNKNOWN'} end
if how == '' and claim_id ~= '' and redis.call('HEXISTS', outbox, claim_id) == 0 then
  for place = 8, first - 1 do
    local ticket = redis.call('HGET', tickets, ARGV[place]) or ''
    if string.match(ticket, '^[^|]*') ~= match_id then return {'GIVEN_BACK'} end
  end
end

if how == '' then
  -- The status here may be newer than the one of history.
  redis.call('HSET', matches, match_id, string.match(live, '^%S+') .. string.match(ARGV[2], '^%S+(.*)$'))
end
for place = first, #ARGV do
  local player, last_word = ARGV[place], KEYS[4 + place - first]
  local its_match, rest, its_queues, id = string.match(redis.call('HGET', tickets, player) or '', pattern)
  local is_claimed, has_left = its_match == claim_id and claim_id ~= '', place >= first_left
  if has_left and (is_claimed or its_match == match_id) then
    redis.call('HDEL', tickets, player)
    redis.call('SET', last_word, 'left|' .. id .. '|' .. string.match(its_queues, '^[^,]*') .. '|0|', 'PX', ARGV[5])
  elseif is_claimed and how ~= '' then
    redis.call('HDEL', tickets, player)
    redis.call('SET', last_word, 'ended|' .. id .. '|' .. how .. '|' .. match_id, 'PX', ARGV[5])
  elseif is_claimed then
    redis.call('HSET', tickets, player, match_id .. rest)
  end
end
if claim_id ~= '' then
  redis.call('HDEL', matches, claim_id)
  redis.call('HDEL', outbox, claim_id)
end
return {'CHANGED'}
