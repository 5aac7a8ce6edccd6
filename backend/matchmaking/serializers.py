"""The shapes of requests and answers, for checking what comes in and for the API's schema."""

from typing import Any

from rest_framework import serializers

from matchmaking.expectations.reason import Code


class JoinBody(serializers.Serializer[Any]):
    queue = serializers.CharField(
        required=False, allow_null=True, help_text="A queue of queues.toml; the default queue where none is named."
    )
    queues = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        allow_null=True,
        allow_empty=False,
        max_length=8,
        help_text="Instead of `queue`: several at once, each once. The first of them to find a match ends them all.",
    )
    region = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, max_length=64, help_text="Where you would like to play."
    )
    latencies = serializers.DictField(
        child=serializers.IntegerField(min_value=1, max_value=2000),
        required=False,
        allow_null=True,
        help_text='Milliseconds that you have measured to regions, 16 at most: `{"eu": 40}`.',
    )
    party = serializers.UUIDField(
        required=False, allow_null=True, help_text="The party that you lead: all its members join, as one ticket."
    )


class PlayerAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    username = serializers.CharField()
    elo_rating = serializers.IntegerField()


class SeatAnswer(serializers.Serializer[Any]):
    host = serializers.CharField()
    port = serializers.IntegerField()
    region = serializers.CharField(allow_blank=True)


class AcceptanceAnswer(serializers.Serializer[Any]):
    """While `status` is `pending_acceptance`: how far the players are."""

    accepted = serializers.IntegerField(help_text="Players who have accepted.")
    of = serializers.IntegerField(help_text="Players of the match.")
    you = serializers.BooleanField(help_text="Whether you have accepted.")
    until = serializers.DateTimeField(help_text="Who has not accepted by then is out of the queue.")
    seconds_left = serializers.FloatField(help_text="The same by the service's clock.")


#: As `MatchStatus` has them.
_MATCH_STATUSES = ["pending_acceptance", "created", "in_progress", "completed", "abandoned"]


class MatchAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    queue = serializers.CharField()
    teams = serializers.ListField(child=PlayerAnswer(many=True))
    server = SeatAnswer(allow_null=True)
    status = serializers.ChoiceField(choices=_MATCH_STATUSES)
    created_at = serializers.DateTimeField()
    acceptance = AcceptanceAnswer(required=False)


class OpponentAnswer(serializers.Serializer[Any]):
    username = serializers.CharField()
    elo_rating = serializers.IntegerField()


class WindowAnswer(serializers.Serializer[Any]):
    min = serializers.IntegerField()
    max = serializers.IntegerField()


class QueueStatsAnswer(serializers.Serializer[Any]):
    total_waiting = serializers.IntegerField()
    average_elo = serializers.IntegerField(allow_null=True)


class LastMatchAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=["completed", "abandoned"])


class TicketPartyAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    members = serializers.ListField(child=serializers.UUIDField(), help_text="Ids of the players who wait together.")


class EtaAnswer(serializers.Serializer[Any]):
    p50_seconds = serializers.FloatField(
        allow_null=True, help_text="From now: half of such tickets are matched by then. Null where nobody knows."
    )
    p90_seconds = serializers.FloatField(allow_null=True, help_text="From now: nine of ten are.")
    of_matches = serializers.IntegerField(help_text="Matched players whose waits this is from.")


class ReasonAnswer(serializers.Serializer[Any]):
    code = serializers.ChoiceField(choices=[code.value for code in Code])
    text = serializers.CharField()
    others = serializers.IntegerField(allow_null=True, help_text="Players who wait beside this ticket.")
    in_reach = serializers.IntegerField(allow_null=True, help_text="Those of them within its search window.")
    nearest_points = serializers.IntegerField(allow_null=True, help_text="Rating points to the nearest of them.")
    seconds = serializers.IntegerField(
        allow_null=True, help_text="Until that one can be matched. Null where waiting alone will not do."
    )


class TicketAnswer(serializers.Serializer[Any]):
    """Which fields are there depends on `status`: `waiting` has all from `your_elo` to `ticket`,
    `matched` has `match` and `opponent`, `not_in_queue` may have `last_match`."""

    status = serializers.ChoiceField(choices=["waiting", "matched", "not_in_queue", "expired"])
    queue = serializers.CharField(required=False, help_text="The first of `queues`; place and size are those in it.")
    queues = serializers.ListField(child=serializers.CharField(), required=False)
    your_elo = serializers.IntegerField(required=False)
    waiting_time = serializers.IntegerField(required=False, help_text="Whole seconds.")
    search_window = WindowAnswer(required=False)
    queue_position = serializers.IntegerField(required=False, help_text="1 has waited longest.")
    queue_size = serializers.IntegerField(required=False)
    queue_stats = QueueStatsAnswer(required=False)
    eta = EtaAnswer(required=False)
    reason = ReasonAnswer(required=False, allow_null=True, help_text="Why it still waits, once that is long.")
    ticket = serializers.CharField(
        required=False,
        help_text="Your ticket, signed. Send the newest one back in `X-Matchmaking-Ticket`: a lost one is put back.",
    )
    party = TicketPartyAnswer(required=False, help_text="Of a ticket that waits for a party.")
    match = MatchAnswer(required=False)
    opponent = OpponentAnswer(required=False, allow_null=True)
    last_match = LastMatchAnswer(required=False)


class LeaveAnswer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["left", "not_in_queue"])


class WaitAnswer(serializers.Serializer[Any]):
    p50 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)
    of_recent_players = serializers.IntegerField()


class CalibrationAnswer(serializers.Serializer[Any]):
    p50_kept = serializers.FloatField(
        allow_null=True, help_text="Share of the p50 told at joins within which the match came; 0.5 is right."
    )
    p90_kept = serializers.FloatField(allow_null=True, help_text="The same of p90; 0.9 is right.")
    of = serializers.IntegerField(help_text="ETAs that were given.")


class LevelAnswer(serializers.Serializer[Any]):
    p95_wait_seconds = serializers.FloatField(allow_null=True)
    p95_gap = serializers.FloatField(allow_null=True, help_text="Rating points between the teams of a match.")
    of_players = serializers.IntegerField()


class LevelsAnswer(serializers.Serializer[Any]):
    bottom_10_percent = LevelAnswer()
    middle = LevelAnswer()
    top_10_percent = LevelAnswer()
    top_1_percent = LevelAnswer()
    newcomers = LevelAnswer()


class QueueFiguresAnswer(serializers.Serializer[Any]):
    current_size = serializers.IntegerField()
    average_elo = serializers.IntegerField(allow_null=True)
    elo_distribution = serializers.DictField(child=serializers.IntegerField())
    total_joins = serializers.IntegerField()
    total_leaves = serializers.IntegerField()
    total_matches = serializers.IntegerField()
    total_expired = serializers.IntegerField()
    wait_seconds = WaitAnswer()
    eta_calibration = CalibrationAnswer()
    service_levels = LevelsAnswer(allow_null=True, help_text="Null until history has been looked at.")


class StatsAnswer(serializers.Serializer[Any]):
    queues = serializers.DictField(child=QueueFiguresAnswer())
    online_users = serializers.IntegerField()
    mode = serializers.ChoiceField(
        choices=["redis", "fallback", "postgres"], help_text="`fallback`: PostgreSQL stands in for Redis."
    )


class TrueOrFalse(serializers.BooleanField):
    """Nothing else: a word that is taken for true would end a match for good."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class ResultBody(serializers.Serializer[Any]):
    """Either `ranks` or `abandoned`."""

    ranks = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=1000),
        required=False,
        allow_empty=False,
        max_length=1000,
        help_text="One rank a team, in the order of the teams; 1 is best, equal ranks are a draw.",
    )
    abandoned = TrueOrFalse(required=False, default=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["abandoned"] == ("ranks" in attrs):
            raise serializers.ValidationError({"ranks": 'send either "ranks" or "abandoned": true'})
        return attrs


class RatedPlayerAnswer(PlayerAnswer):
    elo_before = serializers.IntegerField(allow_null=True)
    elo_after = serializers.IntegerField(allow_null=True)
    joined_at = serializers.DateTimeField(allow_null=True, help_text="Of who came into the running match.")
    left_at = serializers.DateTimeField(allow_null=True, help_text="Of who left it before its end.")


class RecordAnswer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    queue = serializers.CharField()
    teams = serializers.ListField(child=RatedPlayerAnswer(many=True))
    server = SeatAnswer(allow_null=True)
    status = serializers.ChoiceField(choices=_MATCH_STATUSES)
    created_at = serializers.DateTimeField()
    acceptance = AcceptanceAnswer(required=False)
    ended_at = serializers.DateTimeField(allow_null=True)
    ranks = serializers.ListField(child=serializers.IntegerField(), allow_null=True)
    win_probabilities = serializers.ListField(
        child=serializers.FloatField(min_value=0, max_value=1),
        allow_null=True,
        help_text="Of each team, as predicted when the match was made.",
    )


class BackfillBody(serializers.Serializer[Any]):
    leaver = serializers.UUIDField(help_text="The player who has left the match, by id.")


class OpenSeatAnswer(serializers.Serializer[Any]):
    leaver = serializers.UUIDField()
    team = serializers.IntegerField(help_text="1 is the first of the match's `teams`.")
    status = serializers.ChoiceField(choices=["open", "filled", "withdrawn", "expired", "over"])
    opened_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField(help_text="Nobody is sent after that; ask again if you still want somebody.")
    player = PlayerAnswer(allow_null=True, help_text="Who came.")


class BackfillAnswer(serializers.Serializer[Any]):
    match = serializers.UUIDField()
    seats = OpenSeatAnswer(many=True)


class HeartbeatBody(serializers.Serializer[Any]):
    cpu_usage = serializers.FloatField(required=False, min_value=0, max_value=100, help_text="Percent.")
    memory_usage = serializers.FloatField(required=False, min_value=0, max_value=100, help_text="Percent.")


class HeartbeatAnswer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["ready", "draining"])
    new_matches = MatchAnswer(many=True, help_text="Matches that this server was not told of before.")
    matches = MatchAnswer(many=True, help_text="All matches it has to host, the new ones included.")
    next_heartbeat_seconds = serializers.FloatField()
    token = serializers.CharField(required=False, help_text="A fresh token, once the old one nears its end.")


class RegisterAnswer(serializers.Serializer[Any]):
    id = serializers.CharField()
    generation = serializers.IntegerField()
    token = serializers.CharField(
        help_text="Send it as `Authorization: Bearer …`; a newer registration makes it stale."
    )
    matches = MatchAnswer(many=True, help_text="Matches that it has to host: of an earlier registration.")
    heartbeat_interval_seconds = serializers.FloatField()
    heartbeat_ttl_seconds = serializers.FloatField()


class NeighbourAnswer(serializers.Serializer[Any]):
    player = serializers.CharField()
    elo_rating = serializers.IntegerField()
    gap = serializers.FloatField(help_text="Rating points.")
    waiting_time = serializers.IntegerField(help_text="Whole seconds.")
    blocked_by = serializers.ListField(
        child=serializers.ChoiceField(choices=["your_window", "their_window", "rematch", "block", "region"]),
        help_text="What stands between the two now; empty where a round could match them.",
    )


class ExplainedQueueAnswer(serializers.Serializer[Any]):
    queue = serializers.CharField()
    elo_rating = serializers.IntegerField()
    waiting_time = serializers.IntegerField(help_text="Whole seconds.")
    search_window = WindowAnswer()
    others = serializers.IntegerField(help_text="Players who wait in the queue beside this ticket.")
    in_reach = serializers.IntegerField(help_text="Those of them within its search window.")
    accepting = serializers.IntegerField(help_text="Those in reach of whom this ticket is in reach, too.")
    nearest = NeighbourAnswer(many=True)
    eta = EtaAnswer()
    reason = ReasonAnswer()


class ExplainAnswer(serializers.Serializer[Any]):
    player = serializers.UUIDField()
    queues = ExplainedQueueAnswer(many=True)
