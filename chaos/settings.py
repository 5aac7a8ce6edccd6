"""How the cast behaves. Shares are of 1, times are seconds."""

#: API path of every call.
API = "/api/"

#: A player thinks so long before the next join.
THINK_SECONDS = (0.05, 0.5)
#: Between two looks while waiting, and while playing.
POLL_SECONDS = (0.2, 0.45)
PLAY_POLL_SECONDS = (0.3, 0.7)
#: A ticket's chance to be left at each look; much more in a storm.
LEAVE_SHARE, STORM_LEAVE_SHARE = 0.02, 0.6
#: Of joins: to the other queue, sent twice at once, with an Idempotency-Key; of the keyed: sent again at once.
CASUAL_SHARE, TWICE_SHARE, KEYED_SHARE, REPLAY_SHARE = 0.12, 0.06, 0.3, 0.4
#: Of looks while playing: a join instead, which answers the match.
IMPATIENT_SHARE = 0.05
#: Of tickets: nobody asks for them any more until they have expired.
SILENT_SHARE = 0.002
#: After a leave the player looks back before the next join: a round on its way must not match who has left.
LOOK_BACK_SHARE = 0.5

#: A match on a game server lasts so long.
MATCH_SECONDS = (2.0, 7.0)
#: Between two heartbeats: short, so that matches begin soon.
HEARTBEAT_SECONDS = (0.6, 1.0)
#: Of results: sent twice at once; followed by another result, which has to be refused.
RESULT_TWICE_SHARE, OTHER_RESULT_SHARE = 0.2, 0.05
DRAW_SHARE = 0.1
#: Of players who are asked whether they want their match: a no.
DECLINE_SHARE = 0.06
#: Of matches of the queue of parties: a player leaves half-way, and the server asks for another one, so long before the
#: end; then nobody else is asked for.
LEAVER_SHARE, AFTER_LEAVER_SECONDS = 0.5, (2.0, 4.0)

#: Accounts made at the same time.
REGISTRATIONS_AT_ONCE = 6
#: After the run: so long players wait for a last match before they leave, in a long run and in one of under two
#: minutes; and so long matches may take to end.
LAST_MATCH_SECONDS, SHORT_LAST_MATCH_SECONDS = 8.0, 2.5
LAST_RESULTS_SECONDS = 60.0
#: So long a player repeats a call that is refused. Longer than any outage of a run.
LONGEST_REFUSAL_SECONDS = 120.0
