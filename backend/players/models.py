"""Accounts and ratings."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models


class Player(AbstractUser):
    """One person. Staff accounts of the admin are players too."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    #: `iss` and `sub` of an account that lives with an external issuer; its id is derived from them.
    external_subject = models.CharField(max_length=255, blank=True, default="", editable=False)

    class Meta(AbstractUser.Meta):
        abstract = False


class Rating(models.Model):
    """A player's rating in one queue. Changed only together with a match's result."""

    player = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="ratings")
    queue = models.CharField(max_length=32)
    rating = models.FloatField()
    games = models.PositiveIntegerField(default=0)
    wins = models.PositiveIntegerField(default=0)
    losses = models.PositiveIntegerField(default=0)
    draws = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["player", "queue"], name="one_rating_per_player_and_queue")]
        indexes = [models.Index(fields=["queue", "-rating", "player"], name="leaderboard")]

    def __str__(self) -> str:
        return f"{self.player_id} in {self.queue}: {self.rating:.0f}"
