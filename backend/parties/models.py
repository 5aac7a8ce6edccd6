"""Parties, who is in them, and who may come in."""

import uuid

from django.conf import settings
from django.db import models


class Party(models.Model):
    """Players who play together. It is gone with its last member, or when nobody has touched it for long."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    #: Whoever has it may come in. A new one after a kick.
    code = models.CharField(max_length=16, unique=True)
    leader = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField()
    #: The last step of anybody in it; by it the party's life is counted.
    changed_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "parties"
        indexes = [models.Index(fields=["changed_at"], name="parties_untouched")]

    def __str__(self) -> str:
        return f"party {self.id}"


class PartyMember(models.Model):
    """A player in a party, in one at most."""

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="members")
    player = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="party_member")
    joined_at = models.DateTimeField()

    class Meta:
        ordering = ["joined_at", "id"]

    def __str__(self) -> str:
        return f"{self.player_id} in {self.party_id}"


class PartyInvite(models.Model):
    """A player who may come into a party without its code, until `expires_at`."""

    party = models.ForeignKey(Party, on_delete=models.CASCADE, related_name="invites")
    player = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="party_invites")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["expires_at", "id"]
        constraints = [models.UniqueConstraint(fields=["party", "player"], name="one_invite_per_party_and_player")]
        indexes = [models.Index(fields=["expires_at"], name="invites_by_end")]

    def __str__(self) -> str:
        return f"{self.player_id} to {self.party_id}"
