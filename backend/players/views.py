"""Accounts, tokens, profiles and the leaderboard."""

from typing import Any

from django.contrib.auth import authenticate
from django.http import HttpResponse
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
    CredentialsBody,
    LeaderboardAnswer,
    ProfileAnswer,
    RefreshBody,
    RegisteredAnswer,
    RegisterPlayerBody,
    TokensAnswer,
)
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
        ratings = ratings_by_queue(player_id=player.id)
        return answer(
            {
                "id": player.id,
                "username": player.username,
                "ratings": {queue: _of_rating(rating) for queue, rating in ratings.items()},
            }
        )


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
        rows = leaderboard(queue=queue, limit=_limit(request.query_params.get("limit", "100")))
        players = [{"id": row.player_id, "username": row.username, **_of_rating(row)} for row in rows]
        return answer({"queue": queue, "players": players})


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:6]) <= MOST_ROWS:
        raise Invalid(f"limit: has to be a whole number from 1 to {MOST_ROWS}", field="limit")
    return int(text)


def _of_rating(rating: Ranked) -> dict[str, Any]:
    return {
        "elo_rating": round(rating.rating),
        "rank": rating.rank,
        "games": rating.games,
        "wins": rating.wins,
        "losses": rating.losses,
        "draws": rating.draws,
    }
