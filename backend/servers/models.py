"""Registered game servers as the admin sees them. The pool decides; this remembers."""

from django.db import models

from servers.server import ServerStatus


class GameServerRecord(models.Model):
    """The last registration of a server, and what became of it."""

    id = models.CharField(primary_key=True, max_length=64)
    host = models.CharField(max_length=255)
    port = models.PositiveIntegerField()
    region = models.CharField(max_length=64, blank=True)
    capacity = models.PositiveIntegerField()
    generation = models.BigIntegerField()
    status = models.CharField(max_length=16, choices=[(s.value, s.value) for s in ServerStatus])
    registered_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "game server"

    def __str__(self) -> str:
        return f"{self.id} ({self.host}:{self.port}, {self.status})"
