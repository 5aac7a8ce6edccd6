"""The shapes of the server pool's requests and answers."""

from typing import Any

from rest_framework import serializers

from rest.fields import REGION

#: Ids and hosts become parts of keys and addresses: plain words.
_ID = r"^(?!register$)[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$"
_HOST = r"^[A-Za-z0-9]([A-Za-z0-9._:-]{0,253}[A-Za-z0-9])?$"


class RegisterServerBody(serializers.Serializer[Any]):
    id = serializers.RegexField(
        _ID,
        required=False,
        help_text="Stable name of this server; `host:port` where none is given.",
        error_messages={"invalid": "a word of A-Z, a-z, 0-9, '.', '_', ':' and '-', at most 64 characters."},
    )
    host = serializers.RegexField(
        _HOST,
        help_text="Where players connect: a name or an address.",
        error_messages={"invalid": "a host name or an address, without a scheme, a port or spaces."},
    )
    port = serializers.IntegerField(min_value=1, max_value=65535)
    region = serializers.RegexField(
        rf"^{REGION.pattern}$",
        required=False,
        allow_blank=True,
        default="",
        error_messages={"invalid": "a word of A-Z, a-z, 0-9, '.', '_' and '-', at most 64 characters."},
    )
    capacity = serializers.IntegerField(min_value=1, max_value=10_000, help_text="Games at the same time, at most.")

    matches = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        max_length=10_000,
        help_text="Matches that this server runs: send it when you register again.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs.setdefault("id", f"{attrs['host']}:{attrs['port']}"[:64])
        return attrs


class ServerAnswer(serializers.Serializer[Any]):
    id = serializers.CharField()
    host = serializers.CharField()
    port = serializers.IntegerField()
    region = serializers.CharField(allow_blank=True)
    capacity = serializers.IntegerField()
    active_games = serializers.IntegerField()
    status = serializers.ChoiceField(choices=["ready", "draining", "lost"])
    generation = serializers.IntegerField()
    registered_at = serializers.DateTimeField()
    last_heartbeat_at = serializers.DateTimeField()
    cpu_usage = serializers.FloatField(allow_null=True)
    memory_usage = serializers.FloatField(allow_null=True)


class PoolStatsAnswer(serializers.Serializer[Any]):
    total_servers = serializers.IntegerField()
    healthy_servers = serializers.IntegerField()
    capacity = serializers.IntegerField()
    active_games = serializers.IntegerField()
    utilisation = serializers.FloatField(help_text="Games / seats of healthy servers, 0 to 1.")


class PoolAnswer(serializers.Serializer[Any]):
    servers = ServerAnswer(many=True)
    stats = PoolStatsAnswer()
    by_region = serializers.DictField(child=PoolStatsAnswer())


class DrainAnswer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["draining"])
