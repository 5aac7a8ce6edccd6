"""The shapes of parties and invites."""

from typing import Any

from rest_framework import serializers


class CodeBody(serializers.Serializer[Any]):
    code = serializers.RegexField(
        r"^[0-9A-Za-z]{1,16}$",
        help_text="The `code` of a party; upper and lower case are the same.",
        error_messages={"invalid": "1 to 16 letters and digits, as a member of the party sees it."},
    )


class MemberBody(serializers.Serializer[Any]):
    player = serializers.UUIDField(help_text="The id of a member.")


class InviteBody(serializers.Serializer[Any]):
    """Either `player` or `username`."""

    player = serializers.UUIDField(required=False, help_text="The id of a player.")
    username = serializers.CharField(
        required=False, max_length=150, help_text="The name of a player, as it is written."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError({"player": 'send either "player" or "username"'})
        return attrs


class NamedPlayer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    username = serializers.CharField()


class MemberAnswer(NamedPlayer):
    joined_at = serializers.DateTimeField()


class InvitedAnswer(NamedPlayer):
    expires_at = serializers.DateTimeField()


class PartyAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    code = serializers.CharField(help_text="Whoever has it may join; give it to friends.")
    leader = serializers.UUIDField(help_text="The id of the member who invites, kicks and queues.")
    max_size = serializers.IntegerField(help_text="Members at most; a queue may take fewer.")
    members = MemberAnswer(many=True, help_text="The longest first, who leads when the leader leaves.")
    invited = InvitedAnswer(many=True)
    created_at = serializers.DateTimeField()


class InviteAnswer(serializers.Serializer[Any]):
    party = serializers.UUIDField()
    player = NamedPlayer()
    by = NamedPlayer()
    expires_at = serializers.DateTimeField()


class InvitesAnswer(serializers.Serializer[Any]):
    invites = InviteAnswer(many=True)


class PartyLeftAnswer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["left"])
