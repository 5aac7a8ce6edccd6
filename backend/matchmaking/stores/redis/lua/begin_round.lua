-- begin_round: take the lease of a queue's round; from here on a new join asks for another round.
--
-- KEYS[1] round_lease  string, token of the round that runs
-- KEYS[2] nudge        string, a round was asked for and has not begun
-- KEYS[3] last_round   string, when the last round began, ms
-- KEYS[4..]            what joins fill, kept alive here, so that they need not do it one by one
-- ARGV[1] token  [2] lease, ms  [3] now, ms  [4] lifetime of last_round, ms  [5..] lifetime of each key from KEYS[4] on, ms
--
-- Returns "BEGUN", or "BUSY" where another round runs; then nothing was written and the nudge stays for it
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 'BUSY' end
redis.call('DEL', KEYS[2])
redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[4])
for place = 4, #KEYS do redis.call('PEXPIRE', KEYS[place], ARGV[place + 1]) end
return 'BEGUN'
