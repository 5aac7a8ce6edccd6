-- heartbeat_server: a server is still here; answer which matches it has to host.
--
-- KEYS[1] servers         hash, server -> JSON record
-- KEYS[2] last_heartbeat  sorted set, server -> ms
-- KEYS[3] active_games    sorted set by name, "server/match"
-- KEYS[4..]               every other key of the pool, kept alive
-- ARGV[1] server  [2] generation  [3] now, ms  [4] cpu usage, % or ""  [5] memory usage, % or ""  [6] lifetime of the keys, ms
--
-- Returns {"HOSTING", status, match_id...}
--         {"STALE"}    a newer registration holds the place; nothing was written
--         {"UNKNOWN"}  not registered, or lost; nothing was written
local servers, last_heartbeat, active_games = KEYS[1], KEYS[2], KEYS[3]
local id, generation, now = ARGV[1], tonumber(ARGV[2]), ARGV[3]

local raw = redis.call('HGET', servers, id)
local record = raw and cjson.decode(raw)
if not record or record.status == 'lost' then return {'UNKNOWN'} end
if record.generation ~= generation then return {'STALE'} end
local answer = {'HOSTING', record.status}
for _, game in ipairs(redis.call('ZRANGEBYLEX', active_games, '[' .. id .. '/', '(' .. id .. '0')) do
  answer[#answer + 1] = string.sub(game, #id + 2)
end

redis.call('ZADD', last_heartbeat, now, id)
if ARGV[4] ~= '' or ARGV[5] ~= '' then
  record.cpu_usage, record.memory_usage = tonumber(ARGV[4]), tonumber(ARGV[5])
  redis.call('HSET', servers, id, cjson.encode(record))
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[6]) end
return answer
