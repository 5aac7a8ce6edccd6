"""Matches seen from outside: a player's history, a server's matches, a match's result."""

import re
import uuid
from base64 import b64decode
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.http import HttpResponse
from django.utils.dateparse import parse_datetime
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from caroud import wiring
from caroud.limits import RegisterServerLimit
from errors import Invalid, NotAllowed, Unknown
from matchmaking import answers
from matchmaking.match import MatchId, PlayerId
from matchmaking.models import MatchRecord
from matchmaking.serializers import (
    BackfillAnswer,
    BackfillBody,
    HeartbeatAnswer,
    HeartbeatBody,
    RecordAnswer,
    RegisterAnswer,
    ResultBody,
)
from matchmaking.services.accept_match import accept_match
from matchmaking.services.decline_match import decline_match
from matchmaking.services.host_matches import heartbeat, refusal_of, remove_server, take_up_matches
from matchmaking.services.open_seat import find_seats, open_seat, withdraw_seats
from matchmaking.services.pending_match import acceptance_of
from matchmaking.services.report_result import report_result
from matchmaking.services.settle_match import find_record
from matchmaking.ticket import Matched
from players.permissions import (
    IsFleet,
    IsServer,
    IsServerOrFleet,
    IsServerOrStaff,
    caller_of_request,
    own_server,
    player_of,
    server_of,
    server_or_fleet_of,
)
from players.tokens import ServerCaller, renewed_server_token
from rest.fields import body_of, no_fields
from rest.idempotency import PLAYER_ANSWERS_KEPT, SERVER_ANSWERS_KEPT, once_by_key
from rest.schema import problems
from rest.views import Door, answer
from servers.serializers import RegisterServerBody
from servers.server import Absence, Registration, ServerId
from servers.services.register_server import register_server


class _Newest(CursorPagination):
    """Cursor pages: stable while matches come in, the same cost on every page."""

    page_size = 20
    max_page_size = 100
    page_size_query_param = "page_size"
    ordering = ("-created_at", "-id")

    def get_page_size(self, request: Request) -> int:
        """DRF takes the usual size, or the largest, for what it does not understand."""
        text = request.query_params.get(self.page_size_query_param)
        if text is None:
            return self.page_size
        if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= self.max_page_size:
            raise Invalid(f"page_size: has to be a whole number from 1 to {self.max_page_size}", field="page_size")
        return int(text)

    def decode_cursor(self, request: Request) -> Any:
        """DRF looks at the form of a cursor only, and not closely; what stands in it goes into a query, so it has to
        be a time."""
        text = request.query_params.get(self.cursor_query_param)
        if text is None:
            return None
        with suppress(NotFound):
            cursor = super().decode_cursor(request)
            if cursor is not None and _is_cursor(text) and _is_moment(cursor.position):
                return cursor
        raise Invalid("cursor: is not from `next` or `previous` of an earlier page", field="cursor")


def _is_cursor(text: str) -> bool:
    """Whether it names offset, direction and position of a page, and nothing else."""
    try:
        names = set(parse_qs(b64decode(text, validate=True).decode("ascii"), keep_blank_values=True))
    except ValueError:
        return False
    return bool(names) and names <= {"o", "r", "p"}


def _is_moment(position: Any) -> bool:
    """Whether a position is a time, or none, as on the first page."""
    if position is None:
        return True
    try:
        moment = parse_datetime(str(position))
        return moment is not None and moment.tzinfo is not None and moment.astimezone(UTC) is not None
    except (ValueError, OverflowError):
        return False


class HistoryView(Door):
    @extend_schema(
        parameters=[
            OpenApiParameter("cursor", str, description="From `next` or `previous` of an earlier page."),
            OpenApiParameter("page_size", int, description="1 to 100, 20 where it is not given; else 400."),
        ],
        responses={
            200: inline_serializer(
                "HistoryPage",
                {
                    "next": serializers.URLField(allow_null=True),
                    "previous": serializers.URLField(allow_null=True),
                    "results": RecordAnswer(many=True),
                },
            ),
            **problems(400, 401, 403, 503),
        },
        operation_id="matches_list",
        summary="My matches, newest first",
        tags=["matches"],
    )
    def get(self, request: Request) -> HttpResponse:
        pages = _Newest()
        mine = MatchRecord.objects.filter(participants__player_id=player_of(request).id).prefetch_related(
            "participants"
        )
        page: Sequence[Any] = pages.paginate_queryset(mine, request, view=self) or []
        return answer(
            {
                "next": pages.get_next_link(),
                "previous": pages.get_previous_link(),
                "results": [answers.of_record(record) for record in page],
            }
        )


class MatchView(Door):
    @extend_schema(
        responses={200: RecordAnswer, **problems(401, 403, 404, 503)}, summary="One of my matches", tags=["matches"]
    )
    def get(self, request: Request, match_id: uuid.UUID) -> HttpResponse:
        record = find_record(match_id=MatchId(str(match_id)))
        player = player_of(request)
        takes_part = any(str(p.player_id) == player.id for p in record.participants.all())
        if not takes_part and not player.is_staff:
            raise NotAllowed("this match is for its participants")
        return answer(answers.of_record(record, acceptance_of(record, PlayerId(player.id), wiring.clock())))


class AcceptView(Door):
    @extend_schema(
        request=None,
        responses={200: RecordAnswer, **problems(400, 401, 403, 404, 409, 503)},
        summary="I am ready for this match",
        description="In queues that ask for it, while `status` is `pending_acceptance`; the last of all makes the "
        "match `created`. Sent twice it has one effect. 409 where the match has fallen or asks nobody.",
        tags=["matches"],
    )
    @once_by_key(wiring.keyed_answers, kept=PLAYER_ANSWERS_KEPT)
    def post(self, request: Request, match_id: uuid.UUID) -> HttpResponse:
        return _decided(accept_match, request, match_id)


class DeclineView(Door):
    @extend_schema(
        request=None,
        responses={200: RecordAnswer, **problems(400, 401, 403, 404, 409, 503)},
        summary="I do not want this match",
        description="It falls: you and your party are out of the queue, the others wait again in their places. Also "
        "after having accepted, until all have. Sent twice it has one effect. 409 where the match stands, asks nobody, "
        "or has fallen without you.",
        tags=["matches"],
    )
    @once_by_key(wiring.keyed_answers, kept=PLAYER_ANSWERS_KEPT)
    def post(self, request: Request, match_id: uuid.UUID) -> HttpResponse:
        return _decided(decline_match, request, match_id)


def _decided(service: Callable[..., MatchRecord], request: Request, match_id: uuid.UUID) -> HttpResponse:
    no_fields(request)
    player_id, now_ms = PlayerId(player_of(request).id), wiring.clock()
    record = service(
        store=wiring.ticket_store(),
        ratings=wiring.rating_cache(),
        rules=wiring.rules(),
        match_id=MatchId(str(match_id)),
        player_id=player_id,
        now_ms=now_ms,
    )
    return answer(answers.of_record(record, acceptance_of(record, player_id, now_ms)))


class ResultView(Door):
    permission_classes = [IsServerOrFleet]

    @extend_schema(
        request=ResultBody,
        responses={200: RecordAnswer, **problems(400, 401, 403, 404, 409, 503)},
        summary="Report how a match ended",
        description="By the match's server; a match without a server with the fleet key. Sent twice it has one effect.",
        tags=["matches"],
    )
    @once_by_key(wiring.keyed_answers, kept=SERVER_ANSWERS_KEPT)
    def post(self, request: Request, match_id: uuid.UUID) -> HttpResponse:
        body = ResultBody(data=body_of(request, {"ranks", "abandoned"}))
        body.is_valid(raise_exception=True)
        record = report_result(
            store=wiring.ticket_store(),
            pool=wiring.server_pool(),
            ratings=wiring.rating_cache(),
            rules=wiring.rules(),
            caller=server_or_fleet_of(request),
            match_id=MatchId(str(match_id)),
            ranks=body.validated_data.get("ranks"),
            now_ms=wiring.clock(),
        )
        return answer(answers.of_record(record))


class BackfillView(Door):
    """By the match's server; a match without a server with the fleet key."""

    permission_classes = [IsServerOrFleet]

    @extend_schema(
        request=BackfillBody,
        responses={200: BackfillAnswer, **problems(400, 401, 403, 404, 409, 503)},
        summary="A player has left; send another one",
        description="The leaver plays no longer and may join again; the seat is offered to waiting players, in queues "
        "whose rules have `backfill`. Sent twice it is one request.",
        tags=["matches"],
    )
    def post(self, request: Request, match_id: uuid.UUID) -> HttpResponse:
        body = BackfillBody(data=body_of(request, {"leaver"}))
        body.is_valid(raise_exception=True)
        now_ms = wiring.clock()
        seats = open_seat(
            store=wiring.ticket_store(),
            pool=wiring.server_pool(),
            rules=wiring.rules(),
            caller=server_or_fleet_of(request),
            match_id=MatchId(str(match_id)),
            leaver=PlayerId(str(body.validated_data["leaver"])),
            now_ms=now_ms,
        )
        return answer(answers.of_seats(MatchId(str(match_id)), seats, now_ms))

    @extend_schema(
        responses={200: BackfillAnswer, **problems(401, 403, 404, 409, 503)},
        summary="What has become of the seats that were asked for",
        tags=["matches"],
    )
    def get(self, request: Request, match_id: uuid.UUID) -> HttpResponse:
        seats = find_seats(
            pool=wiring.server_pool(), caller=server_or_fleet_of(request), match_id=MatchId(str(match_id))
        )
        return answer(answers.of_seats(MatchId(str(match_id)), seats, wiring.clock()))

    @extend_schema(
        parameters=[OpenApiParameter("leaver", uuid.UUID, description="Only the seat of this player; else all.")],
        responses={200: BackfillAnswer, **problems(400, 401, 403, 404, 409, 503)},
        summary="Send nobody any more",
        description="Seats that are filled stay so, and whoever left stays out. Sent twice it has one effect.",
        tags=["matches"],
    )
    def delete(self, request: Request, match_id: uuid.UUID) -> HttpResponse:
        asked = request.query_params.get("leaver")
        if asked is not None:
            body = BackfillBody(data={"leaver": asked})
            body.is_valid(raise_exception=True)
        now_ms = wiring.clock()
        seats = withdraw_seats(
            pool=wiring.server_pool(),
            caller=server_or_fleet_of(request),
            match_id=MatchId(str(match_id)),
            leaver=None if asked is None else PlayerId(str(body.validated_data["leaver"])),
            now_ms=now_ms,
        )
        return answer(answers.of_seats(MatchId(str(match_id)), seats, now_ms))


class RegisterView(Door):
    permission_classes = [IsFleet]
    throttle_classes = [RegisterServerLimit]

    @extend_schema(
        request=RegisterServerBody,
        responses={201: RegisterAnswer, **problems(400, 401, 403, 503)},
        summary="Register a game server",
        description="Registering again under the same id makes the older token stale. A server that has to "
        "register again says in `matches` which ones it still runs: those keep their seats, others are abandoned.",
        tags=["servers"],
    )
    def post(self, request: Request) -> HttpResponse:
        body = RegisterServerBody(data=body_of(request, {"id", "host", "port", "region", "capacity", "matches"}))
        body.is_valid(raise_exception=True)
        running = body.validated_data.pop("matches", None)
        registration = Registration(**body.validated_data)
        now_ms = wiring.clock()
        generation, token = register_server(pool=wiring.server_pool(), registration=registration, now_ms=now_ms)
        hosted = take_up_matches(
            store=wiring.ticket_store(),
            ratings=wiring.rating_cache(),
            rules=wiring.rules(),
            server_id=registration.id,
            running=None if running is None else {str(match_id) for match_id in running},
            now_ms=now_ms,
        )
        return answer(
            {
                "id": registration.id,
                "generation": generation,
                "token": token,
                "matches": _matches(hosted),
                "heartbeat_interval_seconds": settings.HEARTBEAT_INTERVAL_SECONDS,
                "heartbeat_ttl_seconds": settings.HEARTBEAT_TTL_SECONDS,
            },
            status=201,
        )


class HeartbeatView(Door):
    permission_classes = [IsServer]

    @extend_schema(
        request=HeartbeatBody,
        responses={200: HeartbeatAnswer, **problems(400, 401, 403, 404, 409, 503)},
        summary="I am still here; what do I have to host?",
        description="404: register again. 409: a newer registration of this server holds its place.",
        tags=["servers"],
    )
    def post(self, request: Request, server_id: str) -> HttpResponse:
        caller = own_server(server_of(request), server_id)
        body = HeartbeatBody(data=body_of(request, {"cpu_usage", "memory_usage"}))
        body.is_valid(raise_exception=True)
        hosted = heartbeat(
            store=wiring.ticket_store(),
            pool=wiring.server_pool(),
            caller=caller,
            cpu_usage=body.validated_data.get("cpu_usage"),
            memory_usage=body.validated_data.get("memory_usage"),
            now_ms=wiring.clock(),
        )
        renewed = renewed_server_token(str(request.META["HTTP_AUTHORIZATION"]).partition(" ")[2].strip())
        return answer(
            {
                "status": hosted.status,
                "new_matches": _matches(hosted.new),
                "matches": _matches(hosted.matches),
                "next_heartbeat_seconds": settings.HEARTBEAT_INTERVAL_SECONDS,
                **({"token": renewed} if renewed else {}),
            }
        )


class ServerView(Door):
    permission_classes = [IsServerOrStaff]

    @extend_schema(
        responses={204: None, **problems(401, 403, 404, 409, 503)},
        summary="Take a server out of the pool",
        description="Its matches are abandoned; to let them end, drain the server first.",
        tags=["servers"],
    )
    def delete(self, request: Request, server_id: str) -> HttpResponse:
        caller = caller_of_request(request)
        generation = own_server(caller, server_id).generation if isinstance(caller, ServerCaller) else None
        removed = remove_server(
            store=wiring.ticket_store(),
            pool=wiring.server_pool(),
            ratings=wiring.rating_cache(),
            rules=wiring.rules(),
            server_id=ServerId(server_id),
            generation=generation,
            now_ms=wiring.clock(),
        )
        if isinstance(removed, Absence):
            raise refusal_of(removed) if removed is Absence.STALE else Unknown(f"there is no server {server_id}")
        response = HttpResponse(status=204)
        del response["Content-Type"]
        return response


def _matches(found: Sequence[Matched]) -> list[dict[str, Any]]:
    return [answers.of_match(one.match, one.status) for one in found]
