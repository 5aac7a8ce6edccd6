"""The shapes of accounts, tokens and ratings."""

from typing import Any

from rest_framework import serializers


class RegisterPlayerBody(serializers.Serializer[Any]):
    username = serializers.RegexField(
        r"^[\w.@+-]{3,32}$",
        help_text="3 to 32 letters, digits and . @ + - _; upper and lower case are the same name.",
        error_messages={"invalid": "3 to 32 letters, digits and . @ + - _, without spaces."},
    )
    password = serializers.CharField(max_length=128, trim_whitespace=False, write_only=True)


class TokensAnswer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="Send it as `Authorization: Bearer …`; lives 15 minutes.")
    refresh = serializers.CharField(help_text="Trade it for a new pair at POST /api/token/refresh/; works once.")


class RegisteredAnswer(TokensAnswer):
    id = serializers.UUIDField()
    username = serializers.CharField()


class CredentialsBody(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=128, trim_whitespace=False, write_only=True)


class RefreshBody(serializers.Serializer[Any]):
    refresh = serializers.CharField(max_length=2048)


class RatingAnswer(serializers.Serializer[Any]):
    elo_rating = serializers.IntegerField()
    deviation = serializers.IntegerField(
        allow_null=True,
        help_text="Rating points: one standard deviation of the rating; null where the queue's rating model has none.",
    )
    rank = serializers.IntegerField(
        help_text="By the rating; where there is a deviation, by the rating less two deviations."
    )
    games = serializers.IntegerField()
    wins = serializers.IntegerField()
    losses = serializers.IntegerField()
    draws = serializers.IntegerField()


class ProfileAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    username = serializers.CharField()
    ratings = serializers.DictField(child=RatingAnswer(), help_text="By queue.")


class BlockBody(serializers.Serializer[Any]):
    """Either `id` or `username`."""

    id = serializers.UUIDField(required=False)
    username = serializers.CharField(required=False, max_length=150)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError({"id": 'send either "id" or "username"'})
        return attrs


class BlockedAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    username = serializers.CharField()
    since = serializers.DateTimeField()


class BlocksAnswer(serializers.Serializer[Any]):
    players = BlockedAnswer(many=True, help_text="Who was blocked last comes first.")


class LeaderboardRow(RatingAnswer):
    id = serializers.UUIDField()
    username = serializers.CharField()


class LeaderboardAnswer(serializers.Serializer[Any]):
    queue = serializers.CharField()
    players = LeaderboardRow(many=True)
