"""History: matches, who played them, how they ended. Written in bulk by `matchmaking.history`."""

from django.db import models

from matchmaking.match import MatchStatus


class MatchRecord(models.Model):
    """One match as it was claimed, and how it ended."""

    id = models.UUIDField(primary_key=True, editable=False)
    queue = models.CharField(max_length=32)
    region = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=16, choices=[(s.value, s.value) for s in MatchStatus])
    #: The server that hosts it, None where it has none; `server` is the whole seat.
    server_id = models.CharField(max_length=64, null=True)
    server = models.JSONField(null=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    #: Rank of each team, 1 is best; None until there is a result, and for abandoned matches.
    ranks = models.JSONField(null=True)
    #: When seat and players were freed in the ticket store. None on an ended match: still to be done.
    released_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "match"
        verbose_name_plural = "matches"
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="match_newest"),
            models.Index(fields=["created_at"], name="match_live", condition=models.Q(ended_at=None)),
            models.Index(fields=["ended_at"], name="match_unreleased", condition=models.Q(released_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.queue}, {self.status})"


class Participant(models.Model):
    """One player of one match. Ratings before and after are filled by the result."""

    match = models.ForeignKey(MatchRecord, on_delete=models.CASCADE, related_name="participants")
    #: No foreign key: history stays when an account goes, and its writing never fails for it.
    player_id = models.UUIDField()
    username = models.CharField(max_length=150)
    team = models.PositiveSmallIntegerField()
    #: Rating of the ticket, by which the match was found.
    ticket_rating = models.FloatField()
    waited_ms = models.PositiveIntegerField()
    rating_before = models.FloatField(null=True)
    rating_after = models.FloatField(null=True)

    class Meta:
        ordering = ["team", "id"]
        constraints = [models.UniqueConstraint(fields=["match", "player_id"], name="once_per_match")]
        indexes = [models.Index(fields=["player_id", "match"], name="participant_player")]

    def __str__(self) -> str:
        return f"{self.username} in {self.match_id}"
