"""Registered game servers, as the pool in PostgreSQL keeps them and the admin sees them."""

from django.db import models

from servers.server import ServerStatus


class GameServerRecord(models.Model):
    """The last registration of a server, and what became of it. It is in the pool until `ended_at` is set.

    How many games it hosts is not kept here: it is the number of live matches in history that name it.
    """

    id = models.CharField(primary_key=True, max_length=64)
    host = models.CharField(max_length=255)
    port = models.PositiveIntegerField()
    region = models.CharField(max_length=64, blank=True)
    capacity = models.PositiveIntegerField()
    generation = models.BigIntegerField()
    status = models.CharField(max_length=16, choices=[(s.value, s.value) for s in ServerStatus])
    registered_at = models.DateTimeField()
    last_heartbeat_ms = models.BigIntegerField(default=0)
    #: Percent, as last reported; None where it never said.
    cpu_usage = models.FloatField(null=True)
    memory_usage = models.FloatField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "game server"

    def __str__(self) -> str:
        return f"{self.id} ({self.host}:{self.port}, {self.status})"
