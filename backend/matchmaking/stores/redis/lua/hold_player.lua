-- hold_player: a player joins the queue of another store: no ticket for him here meanwhile.
--
-- KEYS[1] tickets    hash, player -> "match|queues|id|…"; match is "" while it waits
-- KEYS[2] matches    hash, match id -> its status and the match, of live matches
-- KEYS[3] outbox     hash, match id -> epoch, of matches that are not announced
-- KEYS[4] elsewhere  string, the queue of another store in which the player waits
-- ARGV[1] player  [2] that queue  [3] for so long, ms
--
-- Returns {"HELD"}
--         {"ELSEWHERE", queues}        the player waits here; nothing was written
--         {"MATCHED", status and match}  the player is in a live match; nothing was written
local ticket = redis.call('HGET', KEYS[1], ARGV[1])
if ticket then
  local match_id, its_queues = string.match(ticket, '^([^|]*)|([^|]*)')
  if match_id == '' or redis.call('HEXISTS', KEYS[3], match_id) == 1 then return {'ELSEWHERE', its_queues} end
  local match = redis.call('HGET', KEYS[2], match_id)
  if match then return {'MATCHED', match} end
end
redis.call('SET', KEYS[4], ARGV[2], 'PX', ARGV[3])
return {'HELD'}
