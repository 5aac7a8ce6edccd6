"""Every key in Redis: its name, its type, how long it lives untouched.

The names are those of the deployment guide, so that its redis-cli commands show the truth
(`ZCARD matchmaking:queue`, `HLEN online_users`, `HGETALL matchmaking:stats`). The default queue has no
suffix; any other queue adds `:<name>`.

`REDIS_KEY_PREFIX` goes in front of every name. A prefix with a hash tag (`{caroud}:`) puts all keys
into one slot, which Redis Cluster demands of scripts that touch several keys.

| name                           | type        | holds                                       | lifetime untouched |
|--------------------------------|-------------|---------------------------------------------|--------------------|
| matchmaking:queue              | sorted set  | player -> rating                            | QUEUE              |
| matchmaking:arrivals           | sorted set  | player -> joined at, ms                     | QUEUE              |
| matchmaking:last_seen          | sorted set  | player -> last asked at, ms                 | QUEUE              |
| matchmaking:stats              | hash        | counters; rating_sum of who waits now       | STATS              |
| matchmaking:recent_matches     | list        | the last matches: when, where, gap, waits   | STATS              |
| matchmaking:queue_histories    | hash        | queue -> what its history says, as JSON     | STATS              |
| matchmaking:nudge              | string      | a round was asked for and has not begun     | NUDGE              |
| matchmaking:round_lease        | string      | token of the round that runs                | the lease          |
| matchmaking:last_round         | string      | when the last round began, ms               | STATS              |
| matchmaking:tickets            | hash        | player -> the ticket, and its match         | QUEUE, MATCHES     |
| matchmaking:last_word:<player> | string      | how the player's last ticket ended          | LAST_WORD          |
| matchmaking:elsewhere:<player> | string      | the player waits in a queue of PostgreSQL   | the ticket's       |
| matchmaking:matches            | hash        | live match -> its status, the match         | MATCHES            |
| matchmaking:outbox             | hash        | what is not announced -> epoch of its claim | MATCHES            |
| matchmaking:outbox_dead        | hash        | match PostgreSQL refuses -> the match       | DEAD               |
| matchmaking:incarnation        | string      | by which a Redis that lost data is noticed  | STATS              |
| matchmaking:probe              | string      | whether this Redis can be written to        | a second           |
| online_users                   | hash        | player -> last call at, ms                  | ONLINE             |
| online_users:last_seen         | sorted set  | the same, ordered, for pruning              | ONLINE             |
| players:ratings:<player>       | hash        | queue -> rating; games, traits; blocks      | RATINGS            |
| game_servers                   | hash        | server -> JSON record                       | SERVERS            |
| game_servers:last_heartbeat    | sorted set  | server -> ms                                | SERVERS            |
| game_servers:seats             | sorted set  | free server -> region's number, load, 1e-6  | SERVERS            |
| game_servers:offers            | hash        | server -> what a claim needs to know of it  | SERVERS            |
| game_servers:regions           | hash        | region -> its number                        | SERVERS            |
| active_games                   | sorted set  | "server/match", by name                     | SERVERS            |
| rate_limits:<limit>:<caller>   | string      | when the counted calls have worn off, µs    | the rate           |
| keyed_answers:<caller>         | hash        | idempotency key -> under way, or its answer | KEYED_ANSWER       |
| keyed_order:<caller>           | sorted set  | idempotency key -> when, ms                 | KEYED_ANSWER       |
"""

from dataclasses import dataclass

#: Milliseconds. Longer than any pause between two joins of a queue that is in use.
QUEUE_LIFETIME_MS = 24 * 3600 * 1000
#: Milliseconds. Counters of a queue that nobody has used for a month are of no use to anyone.
STATS_LIFETIME_MS = 30 * 24 * 3600 * 1000
#: Milliseconds. A nudge whose task was lost must not silence the next one for long.
NUDGE_LIFETIME_MS = 2_000
#: Milliseconds. How long status still tells that a ticket expired or a match ended, and that a ticket is not put back
#: that has ended; longer than a signed ticket is good for (`ticket_ttl_seconds`), where that is longer.
LAST_WORD_LIFETIME_MS = 10 * 60 * 1000
#: Milliseconds. A player who has not called for this long is not online; the reaper prunes by it.
ONLINE_LIFETIME_MS = 5 * 60 * 1000
#: Milliseconds. Refilled from PostgreSQL when gone; bounds the life of a stale rating.
RATINGS_LIFETIME_MS = 3600 * 1000
#: Milliseconds. Servers that heartbeat keep these alive; a dead fleet's keys go by themselves.
SERVERS_LIFETIME_MS = 24 * 3600 * 1000
#: Milliseconds. Longer than any match may last (a week); the end of a match takes it out.
MATCHES_LIFETIME_MS = 8 * 24 * 3600 * 1000
#: Milliseconds. Time for an operator to look at entries that PostgreSQL refused.
DEAD_LIFETIME_MS = 30 * 24 * 3600 * 1000
#: Milliseconds. A client that repeats a call because of a lost answer does so within a day.
KEYED_ANSWER_LIFETIME_MS = 24 * 3600 * 1000
#: Milliseconds. Longer than any call takes; a call that died must not hold its idempotency key for longer.
KEYED_CALL_LIFETIME_MS = 10_000

#: Matches kept per queue, for expectations of waiting: half an hour at one every two seconds, in about 60 KB.
RECENT_MATCHES_KEPT = 1000
#: Waits of the last matched players that a queue's p50 and p95 are of.
RECENT_WAITS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class QueueKeys:
    """The keys of one queue, in the order in which scripts take them."""

    queue: str
    arrivals: str
    last_seen: str
    stats: str
    recent_matches: str
    nudge: str
    round_lease: str
    last_round: str


class Keys:
    """All key names under one prefix."""

    def __init__(self, *, prefix: str, default_queue: str) -> None:
        self.prefix = prefix
        self._default_queue = default_queue
        self.tickets = prefix + "matchmaking:tickets"
        self.matches = prefix + "matchmaking:matches"
        self.probe = prefix + "matchmaking:probe"
        self.incarnation = prefix + "matchmaking:incarnation"
        self.queue_histories = prefix + "matchmaking:queue_histories"
        self.outbox = prefix + "matchmaking:outbox"
        self.outbox_dead = prefix + "matchmaking:outbox_dead"
        self.online = prefix + "online_users"
        self.online_last_seen = prefix + "online_users:last_seen"
        self.servers = prefix + "game_servers"
        self.servers_last_heartbeat = prefix + "game_servers:last_heartbeat"
        self.servers_seats = prefix + "game_servers:seats"
        self.servers_offers = prefix + "game_servers:offers"
        self.servers_regions = prefix + "game_servers:regions"
        self.active_games = prefix + "active_games"
        self._queues: dict[str, QueueKeys] = {}

    def of_queue(self, name: str) -> QueueKeys:
        """The keys of queue `name`; the default queue's have no suffix."""
        found = self._queues.get(name)
        if found is None:
            suffix = "" if name == self._default_queue else f":{name}"
            names = (f"{self.prefix}matchmaking:{part}{suffix}" for part in QueueKeys.__slots__)
            found = self._queues[name] = QueueKeys(*names)
        return found

    def last_word(self, player_id: str) -> str:
        return f"{self.prefix}matchmaking:last_word:{player_id}"

    def elsewhere(self, player_id: str) -> str:
        return f"{self.prefix}matchmaking:elsewhere:{player_id}"

    def ratings(self, player_id: str) -> str:
        return f"{self.prefix}players:ratings:{player_id}"

    def turns(self, limit: str, caller: str) -> str:
        return f"{self.prefix}rate_limits:{limit}:{caller}"

    def keyed_answers(self, caller: str) -> str:
        return f"{self.prefix}keyed_answers:{caller}"

    def keyed_order(self, caller: str) -> str:
        return f"{self.prefix}keyed_order:{caller}"
