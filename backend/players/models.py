"""Accounts and ratings."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Coalesce

from players.rating_models import RatingModel, Skill, known_skill

#: Deviations below the rating at which a player stands on the leaderboard: with 97.7 % he is better than that.
STANDING_DEVIATIONS = 2.0


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
    #: Rating points, and Glicko-2's own unit; None where the queue's model has none, or no result has come yet.
    deviation = models.FloatField(null=True)
    volatility = models.FloatField(null=True)
    games = models.PositiveIntegerField(default=0)
    wins = models.PositiveIntegerField(default=0)
    losses = models.PositiveIntegerField(default=0)
    draws = models.PositiveIntegerField(default=0)
    #: By which models with a deviation rank: who is not sure to be good stands further down. PostgreSQL computes it.
    standing = models.GeneratedField(
        expression=models.F("rating") - STANDING_DEVIATIONS * Coalesce(models.F("deviation"), 0.0),
        output_field=models.FloatField(),
        db_persist=True,
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["player", "queue"], name="one_rating_per_player_and_queue")]
        indexes = [
            models.Index(fields=["queue", "-rating", "player"], name="leaderboard"),
            models.Index(
                fields=["queue", "-standing", "player"],
                name="leaderboard_standing",
                condition=models.Q(deviation__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.player_id} in {self.queue}: {self.rating:.0f}"

    def skill(self, model: RatingModel) -> Skill:
        """As `model` takes it up."""
        return known_skill(model, self.rating, self.deviation, self.volatility)

    def take(self, skill: Skill) -> None:
        """What came of a match; the caller saves it."""
        self.rating = skill.rating
        self.deviation, self.volatility = skill.deviation or None, skill.volatility or None


class Block(models.Model):
    """`player` will not play with `blocked`; it counts for both, from the next join of `player`."""

    player = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="blocks")
    blocked = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="blocked_by")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["player", "blocked"], name="blocked_once"),
            models.CheckConstraint(condition=~models.Q(player=models.F("blocked")), name="not_oneself"),
        ]

    def __str__(self) -> str:
        return f"{self.player_id} blocks {self.blocked_id}"
