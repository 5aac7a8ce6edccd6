-- take_turn: count one call against a caller's rate (GCRA), if there is room for it.
--
-- KEYS[1] turns   string, when all that was counted will have worn off, µs of this server's clock
-- ARGV[1] what one call takes to wear off, µs  [2] how far ahead of the clock `turns` may be, µs
-- ARGV[3] what calls that were let through before, and are counted only now, still take to wear off, µs
--
-- Returns {1, ahead}  the call is counted; `turns` is now that far ahead of the clock, µs
--         {0, ahead}  no room; the earlier calls are counted, this one is not
local interval, room, earlier = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local turns = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now) + earlier
-- Calls that nobody could refuse any more must not keep the caller out for longer than a full burst does.
turns = math.min(turns, now + room)
local has_room = turns + interval <= now + room
if has_room then turns = turns + interval end

if turns > now then
  redis.call('SET', KEYS[1], string.format('%.0f', turns), 'PX', math.ceil((turns - now) / 1000))
end
return {has_room and 1 or 0, turns - now}
