-- expire_tickets: end the tickets among those named that nobody has asked for in time; a party whole, with its first silent member.
--
-- KEYS[1] tickets   hash, player -> "match|queues|id|ratings|joined at, ms|region|party|…"; match is "" while it waits
-- KEYS[2..] four a queue, in the order of the names in ARGV: queue, arrivals, last_seen (sorted sets), stats (hash)
-- then last_word (string) of each player, in the order of the players in ARGV
-- ARGV[1] last asked before, ms  [2] lifetime of the last word, ms  [3] number of queues that follow
-- ARGV[4] the queue that is looked at  [5..] names of all queues; then players, or "lacks_members:<player>|<ticket id>" for one put back without its whole party
--
-- Returns the ids of the tickets that ended, then "PARTY" and players without whom a party cannot end: call again with
-- them too. Whoever has asked meanwhile stays.
local tickets, before, queues, here = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[3]), ARGV[4]
local places, words, silent, stale, more = {}, {}, {}, {}, {}
for number = 1, queues do places[ARGV[4 + number]] = 2 + (number - 1) * 4 end
for place = 5 + queues, #ARGV do words[ARGV[place]] = KEYS[2 + 4 * queues + place - 5 - queues] end
local last_seen = KEYS[places[here] + 2]

local function row_of(player) return redis.call('HGET', tickets, player) or '' end
local pattern = '^|([^|]*)|([^|]*)|([^|]*)|[^|]*|[^|]*|([^|]*)'
local function waits_here(its_queues)
  for name in string.gmatch(its_queues or '', '[^,]+') do
    if name == here then return true end
  end
  return false
end
-- A party's members who wait with this ticket, and whether that are all.
local function fellows(party, id)
  local found, is_whole = {}, true
  for member in string.gmatch(string.match(party, ':(.*)') or '', '[^,]+') do
    local _, its_id = string.match(row_of(member), pattern)
    if its_id == id then found[#found + 1] = member else is_whole = false end
  end
  return found, is_whole
end

for place = 5 + queues, #ARGV do
  local name, seen = ARGV[place], redis.call('ZSCORE', last_seen, ARGV[place])
  if seen and tonumber(seen) < before then
    local lacking, with_id = string.match(name, '^lacks_members:([^|]*)|(.*)')
    local its_queues, id, _, party = string.match(row_of(lacking or name), pattern)
    local found, is_whole = {}, true
    if not lacking and not waits_here(its_queues) then -- matched since, or gone
      stale[#stale + 1] = name
    elseif party and party ~= '' then
      found, is_whole = fellows(party, id)
    elseif not lacking then
      found = {name}
    end
    if lacking and (is_whole or id ~= with_id) then found = {} end -- whole by now, or of an earlier ticket
    local lacks_words = false
    for _, player in ipairs(found) do
      if not words[player] then lacks_words, more[#more + 1] = true, player end
    end
    if not lacks_words then
      for _, player in ipairs(found) do silent[player] = true end
      if lacking then redis.call('ZREM', last_seen, name) end
    end
  end
end

local ended = {}
local function take_out(player, at)
  local rating = at and redis.call('ZSCORE', KEYS[at], player)
  if not rating then return end
  for zset = at, at + 2 do redis.call('ZREM', KEYS[zset], player) end
  redis.call('HINCRBYFLOAT', KEYS[at + 3], 'rating_sum', -tonumber(rating))
end
for _, name in ipairs(stale) do
  take_out(name, places[here])
  redis.call('ZREM', last_seen, name)
end
for place = 5 + queues, #ARGV do
  local player = ARGV[place]
  local its_queues, id = string.match(silent[player] and row_of(player) or '', pattern)
  local first
  for name in string.gmatch(its_queues or '', '[^,]+') do
    if places[name] then redis.call('HINCRBY', KEYS[places[name] + 3], 'total_expired', 1) end
    take_out(player, places[name])
    first = first or (places[name] and name)
  end
  if id then
    redis.call('HDEL', tickets, player)
    redis.call('SET', words[player], 'expired|' .. id .. '|' .. (first or here), 'PX', ARGV[2])
    ended[#ended + 1] = id
  end
end
if #more > 0 then ended[#ended + 1] = 'PARTY' end
for _, player in ipairs(more) do ended[#ended + 1] = player end
return ended
