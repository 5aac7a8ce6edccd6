"""History: matches, who played them, how they ended. Written in bulk by `matchmaking.history`.

And what the second store keeps: its tickets, and which of the two stores is in charge.
"""

from datetime import UTC, datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models

from matchmaking.match import MatchStatus
from matchmaking.ticket import TicketStatus

#: Before any lease or nudge.
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class MatchRecord(models.Model):
    """One match as it was claimed, and how it ended."""

    id = models.UUIDField(primary_key=True, editable=False)
    queue = models.CharField(max_length=32)
    region = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=24, choices=[(s.value, s.value) for s in MatchStatus])
    #: The server that hosts it, None where it has none; `server` is the whole seat.
    server_id = models.CharField(max_length=64, null=True)
    server = models.JSONField(null=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    #: Rank of each team, 1 is best; None until there is a result, and for abandoned matches.
    ranks = models.JSONField(null=True)
    #: Of each team, when the match was made; None for matches older than this field.
    win_probabilities = models.JSONField(null=True)
    #: Until when its players may accept it; None where nobody is asked.
    accept_until = models.DateTimeField(null=True)
    #: When the ticket store heard that all have accepted. None on an accepted match: still to be done.
    confirmed_at = models.DateTimeField(null=True)
    #: When seat and players were freed in the ticket store. None on an ended match: still to be done.
    released_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "match"
        verbose_name_plural = "matches"
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="match_newest"),
            models.Index(fields=["created_at"], name="match_live", condition=models.Q(ended_at=None)),
            models.Index(
                fields=["ended_at"],
                name="match_unreleased",
                condition=models.Q(released_at=None, ended_at__isnull=False),
            ),
            models.Index(
                fields=["server_id"],
                name="match_hosted",
                condition=models.Q(ended_at=None, server_id__isnull=False),
            ),
            models.Index(fields=["queue", "-created_at"], name="match_of_queue"),
            models.Index(
                fields=["accept_until"],
                name="match_unconfirmed",
                condition=models.Q(accept_until__isnull=False, confirmed_at=None, ended_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.queue}, {self.status})"


class Participant(models.Model):
    """One player of one match. Ratings before and after are filled by the result."""

    #: Found by the index of `once_per_match`. The database does not check it row by row, which took a seventh of a
    #: round: the statements that write participants write their matches, and deleting a match deletes them.
    match = models.ForeignKey(
        MatchRecord, on_delete=models.CASCADE, related_name="participants", db_index=False, db_constraint=False
    )
    #: No foreign key: history stays when an account goes, and its writing never fails for it.
    player_id = models.UUIDField()
    username = models.CharField(max_length=150)
    team = models.PositiveSmallIntegerField()
    #: Rating of the ticket, by which the match was found.
    ticket_rating = models.FloatField()
    waited_ms = models.PositiveIntegerField()
    ticket_id = models.CharField(max_length=64, default="")
    #: Until the match ends. A player is in at most one live match, whichever store made it: PostgreSQL holds it.
    is_live = models.BooleanField(default=True)
    #: When the player accepted a match that asks for it.
    accepted_at = models.DateTimeField(null=True)
    #: Of a match that was not accepted: whether the ticket waits again. None of any other.
    waits_again = models.BooleanField(null=True)
    #: The whole ticket, in a match that waits for acceptance. None where its row in `Ticket` is all there is to know.
    kept_ticket = models.JSONField(null=True)
    rating_before = models.FloatField(null=True)
    rating_after = models.FloatField(null=True)
    #: When the player came into the running match; None for those whom it was made for.
    joined_at = models.DateTimeField(null=True)
    #: When the player left it, as its server said.
    left_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["team", "id"]
        constraints = [
            models.UniqueConstraint(fields=["match", "player_id"], name="once_per_match"),
            models.UniqueConstraint(fields=["player_id"], name="one_live_match", condition=models.Q(is_live=True)),
        ]
        indexes = [models.Index(fields=["player_id", "match"], name="participant_player")]

    def __str__(self) -> str:
        return f"{self.username} in {self.match_id}"


class SeatStatus(models.TextChoices):
    """Where an open seat is on its way. One that nobody took in time stays `open`, with its end in the past."""

    OPEN = "open"
    FILLED = "filled"
    WITHDRAWN = "withdrawn"
    #: The match ended first.
    OVER = "over"


class OpenSeat(models.Model):
    """The seat of a player who has left a running match: its server asks for another one."""

    match = models.ForeignKey(MatchRecord, on_delete=models.CASCADE, related_name="open_seats", db_index=False)
    leaver_id = models.UUIDField()
    team = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=16, choices=SeatStatus.choices, default=SeatStatus.OPEN)
    opened_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    filled_by = models.UUIDField(null=True)
    #: When the ticket store was told who plays now; None: still to be done.
    told_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["match", "leaver_id"], name="one_seat_a_leaver")]
        indexes = [
            models.Index(fields=["match", "team"], name="seat_open", condition=models.Q(status="open")),
            models.Index(fields=["match"], name="seat_untold", condition=models.Q(told_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.match_id}, team {self.team}: {self.status}"


class Ticket(models.Model):
    """A ticket in PostgreSQL: of the queues that it serves, and of all queues while Redis is away.

    One row a player; an ended one stays for some minutes, so that status can tell what became of it. No index holds
    `last_seen_ms`, which every status writes: the row is written in place and no index grows by it.
    """

    player_id = models.UUIDField(primary_key=True)
    ticket_id = models.CharField(max_length=64)
    username = models.CharField(max_length=150)
    queue = models.CharField(max_length=32)
    rating = models.FloatField()
    #: The queues beside the first one, and the rating in each; NULL where there are none.
    other_queues = ArrayField(models.TextField(), null=True)
    other_ratings = ArrayField(models.FloatField(), null=True)
    region = models.CharField(max_length=64, blank=True)
    #: `<party id>:<member>,<member>`, the same for all members; NULL where there is no party.
    party = models.TextField(null=True)
    #: What is known of the player beside the rating, as `engine.traits` writes it.
    traits = models.TextField(blank=True, default="", db_default="")
    joined_ms = models.BigIntegerField()
    last_seen_ms = models.BigIntegerField()
    status = models.CharField(max_length=16, choices=[(s.value, s.value) for s in TicketStatus])
    #: When the status last changed, ms since the epoch.
    changed_ms = models.BigIntegerField()
    match_id = models.UUIDField(null=True)
    #: Of a ticket that was left: the request that did it, so that its repetition gets the same answer.
    left_by = models.CharField(max_length=64, blank=True)
    #: It stands in for Redis: when Redis is back, the ticket moves there.
    is_fallback = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index(
                fields=["is_fallback", "queue", "joined_ms", "player_id"],
                include=["rating"],
                name="ticket_line",
                condition=models.Q(status="waiting"),
            ),
            models.Index(
                fields=["is_fallback", "joined_ms"],
                name="ticket_in_several",
                condition=models.Q(status="waiting", other_queues__isnull=False),
            ),
            models.Index(
                fields=["party"], name="ticket_party", condition=models.Q(status="waiting", party__isnull=False)
            ),
            models.Index(fields=["status", "changed_ms"], name="ticket_ended", condition=~models.Q(status="waiting")),
        ]

    def __str__(self) -> str:
        return f"{self.username} in {self.queue}: {self.status}"


class QueueState(models.Model):
    """The rounds of a queue in PostgreSQL. Lease and nudge go by the clock of PostgreSQL, which all processes share."""

    pk = models.CompositePrimaryKey("queue", "is_fallback")
    queue = models.CharField(max_length=32)
    is_fallback = models.BooleanField()
    #: Token of the round that runs, and until when it holds the queue.
    lease = models.CharField(max_length=64, blank=True, default="")
    leased_until = models.DateTimeField(default=LONG_AGO)
    #: A round was asked for and has not begun; until then nobody else asks.
    nudged_until = models.DateTimeField(default=LONG_AGO)
    last_round_ms = models.BigIntegerField(null=True)

    def __str__(self) -> str:
        return self.queue


class QueueCount(models.Model):
    """Counters of a queue in PostgreSQL, in slots: joins at the same time rarely wait for one another's row."""

    pk = models.CompositePrimaryKey("queue", "is_fallback", "slot")
    queue = models.CharField(max_length=32)
    is_fallback = models.BooleanField()
    #: 0 to 15 by the player's id; 16 is for the rounds.
    slot = models.PositiveSmallIntegerField()
    joins = models.BigIntegerField(default=0)
    leaves = models.BigIntegerField(default=0)
    matches = models.BigIntegerField(default=0)
    expired = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.queue}, slot {self.slot}"


class OnlinePlayer(models.Model):
    """A player who called lately. Not logged: it is empty after a crash of PostgreSQL, and fills by itself."""

    player_id = models.UUIDField(primary_key=True)
    last_seen_ms = models.BigIntegerField()

    def __str__(self) -> str:
        return str(self.player_id)


class Charge(models.Model):
    """Which store is in charge of the queues that Redis serves: one row. See `matchmaking.charge`."""

    #: PostgreSQL stands in for Redis.
    is_fallen_back = models.BooleanField(default=False)
    #: One more at each switch: a claim made before is refused after it.
    epoch = models.BigIntegerField(default=1)
    changed_ms = models.BigIntegerField(default=0)
    #: Which Redis, with which data, is known to hold what it should; another one is recovered first.
    redis_incarnation = models.CharField(max_length=128, blank=True, default="")
    #: Tickets that were not asked for since then may have ended in data that Redis has lost.
    recovered_ms = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_charge")]

    def __str__(self) -> str:
        return f"{'postgresql' if self.is_fallen_back else 'redis'}, epoch {self.epoch}"
