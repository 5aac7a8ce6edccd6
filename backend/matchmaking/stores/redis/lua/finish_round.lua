-- finish_round: give the lease back, unless a round was asked for while this one ran.
--
-- KEYS[1] round_lease  string, token of the round that runs
-- KEYS[2] nudge        string, a round was asked for and has not begun
-- KEYS[3] last_round   string, when the last round began, ms
-- ARGV[1] token  [2] lease, ms  [3] now, ms  [4] lifetime of last_round, ms  [5] "AGAIN" if another round may follow
--
-- Returns "AGAIN" (the lease is kept and begins anew), "DONE", or "LOST" (the lease was no longer this round's)
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 'LOST' end
if ARGV[5] == 'AGAIN' and redis.call('DEL', KEYS[2]) == 1 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[4])
  return 'AGAIN'
end
redis.call('DEL', KEYS[1])
return 'DONE'
