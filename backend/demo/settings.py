"""How the demo's players and servers behave."""

#: The queue that most join, and whose ratings are compared with true strengths.
QUEUE = "ranked"
#: The queues that players join, several at once where there are several, and the share of players who do: of a crowd,
#: of fewer, whom so many queues would leave alone, and of a handful, who need one another.
CROWD, HANDFUL = 100, 16
CROWD_SHARES = (
    (("ranked",), 0.53),
    (("ranked", "casual"), 0.10),
    (("ladder",), 0.08),
    (("duos",), 0.12),
    (("squads",), 0.10),
    (("royale",), 0.07),
)
FEW_SHARES = ((("ranked",), 0.25), (("ranked", "casual"), 0.125), (("ladder",), 0.125), (("duos",), 0.5))
HANDFUL_SHARES = ((("ranked",), 0.6), (("ranked", "casual"), 0.4))
#: Sizes of parties by queue, one after another, and the share of its players who come in one.
PARTY_SIZES = {"duos": (2,), "squads": (3, 2)}
PARTY_SHARE = 0.5
#: Queues in which one side wins what the other loses.
ZERO_SUM_QUEUES = ("ranked", "casual", "ladder")

#: Where the servers stand, and where players ask to play.
REGIONS = ("eu", "us", "asia")
#: Share of joins that ask for a region.
REGION_SHARE = 0.3

#: Seconds, least and most, between two questions for the status while waiting. Larger shows matches later.
STATUS_POLL_SECONDS = (0.4, 0.6)
#: The same during a match.
MATCH_POLL_SECONDS = (0.6, 1.0)
#: Seconds between a match and the next join. Longer than a round, so that a match of the past would show.
THINK_SECONDS = (0.5, 1.5)

#: Share of tickets that are left early, and after how many seconds: early enough to meet the round that matches them.
LEAVES_SHARE = 0.05
WAIT_BEFORE_LEAVING_SECONDS = (0.0, 0.02)

#: Rating points: true strengths are normally distributed, within limits. Accounts begin at the queue's initial rating.
STRENGTH_MEAN_POINTS = 1200.0
STRENGTH_SPREAD_POINTS = 300.0
STRENGTH_LIMITS_POINTS = (400.0, 2000.0)
#: Share of matches that nobody wins.
DRAW_SHARE = 0.03

#: Seconds that a match takes.
MATCH_SECONDS = (0.5, 2.0)
#: Seconds between heartbeats, where the service does not ask for more: matches begin as fast as they are fetched.
HEARTBEAT_SECONDS = (0.5, 1.0)

#: Accounts that register at the same time; a password hash costs the service some 50 ms of a core.
REGISTRATIONS_AT_ONCE = 8
#: Profiles that are read at the same time.
PROFILES_AT_ONCE = 16
#: Seconds for matches to end after the time is over. Longer than a lost server keeps its matches.
LAST_MATCHES_SECONDS = 30.0
#: Seconds for a drained server to end its games.
DRAIN_SECONDS = 10.0
#: Seconds for the last matches to reach PostgreSQL.
HISTORY_SECONDS = 10.0
