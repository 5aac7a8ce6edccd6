"""Accounts, tokens, profiles and the leaderboard."""

from collections.abc import Sequence
from typing import Any

from django.contrib.auth import authenticate
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from caroud import wiring
from caroud.limits import LogInLimit, RefreshLimit, RegisterLimit
from errors import Invalid
from players.models import Player
from players.permissions import player_of
from players.serializers import (
    BlockBody,
    BlocksAnswer,
    CredentialsBody,
    LeaderboardAnswer,
    ProfileAnswer,
    RefreshBody,
    RegisteredAnswer,
    RegisterPlayerBody,
    TokensAnswer,
)
from players.services.blocks import MOST_BLOCKS, Blocked, Named, block_player, list_blocks, unblock_player
from players.services.leaderboard import Ranked, leaderboard, ratings_by_queue
from players.services.register_player import register_player
from players.tokens import InvalidToken, rotate_tokens, tokens_for
from rest.fields import body_of, choice
from rest.schema import problems
from rest.views import Door, answer

#: Rows of the leaderboard that one call may ask for.
MOST_ROWS = 500


class _Anyone(Door):
    authentication_classes = []
    permission_classes = [AllowAny]

    def get_authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="caroud"'


class RegisterView(_Anyone):
    throttle_classes = [RegisterLimit]

    @extend_schema(
        request=RegisterPlayerBody,
        responses={201: RegisteredAnswer, **problems(400, 409, 503)},
        summary="Make an account",
        tags=["players"],
        auth=[],
    )
    def post(self, request: Request) -> HttpResponse:
        body = RegisterPlayerBody(data=body_of(request, {"username", "password"}))
        body.is_valid(raise_exception=True)
        player = register_player(**body.validated_data)
        return answer({"id": str(player.id), "username": player.username, **tokens_for(player)}, status=201)


class TokenView(_Anyone):
    throttle_classes = [LogInLimit]

    @extend_schema(
        request=CredentialsBody,
        responses={200: TokensAnswer, **problems(400, 401, 503)},
        summary="Log in",
        tags=["players"],
        auth=[],
    )
    def post(self, request: Request) -> HttpResponse:
        body = CredentialsBody(data=body_of(request, {"username", "password"}))
        body.is_valid(raise_exception=True)
        player = authenticate(request, **body.validated_data)
        if not isinstance(player, Player):
            raise AuthenticationFailed("username or password is wrong")
        return answer(tokens_for(player))


class RefreshView(_Anyone):
    throttle_classes = [RefreshLimit]

    @extend_schema(
        request=RefreshBody,
        responses={200: TokensAnswer, **problems(400, 401, 503)},
        summary="A new pair of tokens for a refresh token",
        tags=["players"],
        auth=[],
    )
    def post(self, request: Request) -> HttpResponse:
        body = RefreshBody(data=body_of(request, {"refresh"}))
        body.is_valid(raise_exception=True)
        try:
            return answer(rotate_tokens(body.validated_data["refresh"]))
        except InvalidToken as error:
            raise AuthenticationFailed(str(error)) from error


class MeView(Door):
    @extend_schema(
        responses={200: ProfileAnswer, **problems(401, 403, 503)}, summary="My profile and ratings", tags=["players"]
    )
    def get(self, request: Request) -> HttpResponse:
        player = player_of(request)
        models = {name: rules.rating_model for name, rules in wiring.rules().queues.items()}
        ratings = ratings_by_queue(player_id=player.id, models=models)
        return answer(
            {
                "id": player.id,
                "username": player.username,
                "ratings": {queue: _of_rating(rating) for queue, rating in ratings.items()},
            }
        )


class BlocksView(Door):
    @extend_schema(
        responses={200: BlocksAnswer, **problems(401, 403, 503)}, summary="Whom I will not play with", tags=["players"]
    )
    def get(self, request: Request) -> HttpResponse:
        return _blocks(list_blocks(player_id=player_of(request).id))

    @extend_schema(
        request=BlockBody,
        responses={200: BlocksAnswer, **problems(400, 401, 403, 404, 409, 503)},
        summary="Block a player",
        description=f"By id or username; up to {MOST_BLOCKS}. Nobody is told of it. It counts for both sides, in every "
        "queue, from your next join. Blocking twice is blocking once.",
        tags=["players"],
    )
    def post(self, request: Request) -> HttpResponse:
        named = _named(body_of(request, {"id", "username"}))
        return _blocks(block_player(cache=wiring.rating_cache(), player=player_of(request), named=named))

    @extend_schema(
        parameters=[
            OpenApiParameter("id", OpenApiTypes.UUID, description="Of the player. Either this or `username`."),
            OpenApiParameter("username", str, description="The player's name."),
        ],
        responses={200: BlocksAnswer, **problems(400, 401, 403, 404, 503)},
        summary="Unblock a player",
        description="Whom you do not block stays unblocked.",
        tags=["players"],
    )
    def delete(self, request: Request) -> HttpResponse:
        query = request.query_params.dict()
        named = _named({name: query[name] for name in ("id", "username") if name in query})
        return _blocks(unblock_player(cache=wiring.rating_cache(), player=player_of(request), named=named))


def _named(body: dict[str, Any]) -> Named:
    checked = BlockBody(data=body)
    checked.is_valid(raise_exception=True)
    ((field, value),) = checked.validated_data.items()
    return Named(field, value)


def _blocks(blocks: Sequence[Blocked]) -> HttpResponse:
    players = [
        {"id": block.player_id, "username": block.username, "since": block.since.isoformat(timespec="milliseconds")}
        for block in blocks
    ]
    return answer({"players": players})


class LeaderboardView(_Anyone):
    @extend_schema(
        parameters=[
            OpenApiParameter("queue", str, description="The default queue where none is named."),
            OpenApiParameter("limit", int, description=f"1 to {MOST_ROWS}, 100 where it is not given."),
        ],
        responses={200: LeaderboardAnswer, **problems(400, 503)},
        summary="The best players of a queue",
        tags=["players"],
        auth=[],
    )
    def get(self, request: Request) -> HttpResponse:
        rules = wiring.rules()
        queue = choice(request.query_params.dict(), "queue", rules.queues.keys(), rules.default_queue)
        limit = _limit(request.query_params.get("limit", "100"))
        rows = leaderboard(queue=queue, model=rules.queues[queue].rating_model, limit=limit)
        players = [{"id": row.player_id, "username": row.username, **_of_rating(row)} for row in rows]
        return answer({"queue": queue, "players": players})


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= MOST_ROWS:
        raise Invalid(f"limit: has to be a whole number from 1 to {MOST_ROWS}", field="limit")
    return int(text)


def _of_rating(rating: Ranked) -> dict[str, Any]:
    return {
        "elo_rating": round(rating.rating),
        "deviation": None if rating.deviation is None else round(rating.deviation),
        "rank": rating.rank,
        "games": rating.games,
        "wins": rating.wins,
        "losses": rating.losses,
        "draws": rating.draws,
    }
