"""The player's door: join, status, leave; and the queues in figures."""

from functools import partial

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from caroud import nudge, wiring
from matchmaking import answers
from matchmaking.match import PlayerId
from matchmaking.serializers import JoinBody, LeaveAnswer, StatsAnswer, TicketAnswer
from matchmaking.services.join_queue import join_queue
from matchmaking.services.leave_queue import AlreadyMatched, leave_queue
from matchmaking.services.queue_figures import queue_figures
from matchmaking.ticket import JoinRequest, TicketId
from players.permissions import player_of
from players.services.find_rating import find_rating
from rest.fields import body_of, choice, region
from rest.idempotency import PLAYER_ANSWERS_KEPT, once_by_key
from rest.problems import problem
from rest.schema import problems
from rest.views import Door, answer


class JoinView(Door):
    @extend_schema(
        request=JoinBody,
        responses={200: TicketAnswer, **problems(400, 401, 403, 409, 503)},
        summary="Join a queue",
        description="Joining twice is the same ticket, arrival time kept; during a live match it answers the match.",
        tags=["matchmaking"],
    )
    @once_by_key(wiring.keyed_answers, kept=PLAYER_ANSWERS_KEPT)
    def post(self, request: Request) -> HttpResponse:
        player = player_of(request)
        rules = wiring.rules()
        body = body_of(request, {"queue", "region"})
        queue = rules.queues[choice(body, "queue", rules.queues.keys(), rules.default_queue)]
        now_ms = wiring.clock()
        outcome = join_queue(
            store=wiring.ticket_store(),
            request=JoinRequest(
                player_id=PlayerId(player.id),
                username=player.username,
                queue=queue.name,
                region=region(body),
                ticket_id=TicketId(wiring.new_id()),
            ),
            rules=queue,
            now_ms=now_ms,
            find_rating=partial(find_rating, player=player, queue=queue.name, initial_rating=queue.initial_rating),
            ask_for_round=nudge.ask_for_round,
        )
        return answer(answers.of_ticket(outcome, player_id=PlayerId(player.id), rules=rules.queues, now_ms=now_ms))


class StatusView(Door):
    @extend_schema(
        responses={200: TicketAnswer, **problems(401, 403, 503)},
        summary="What became of my ticket",
        description="Ask every second or two: asking is the player's heartbeat, and who stops asking expires.",
        tags=["matchmaking"],
    )
    def get(self, request: Request) -> HttpResponse:
        player_id = PlayerId(player_of(request).id)
        now_ms = wiring.clock()
        outcome = wiring.ticket_store().status(player_id, now_ms)
        return answer(answers.of_ticket(outcome, player_id=player_id, rules=wiring.rules().queues, now_ms=now_ms))


class LeaveView(Door):
    @extend_schema(
        request=None,
        responses={200: LeaveAnswer, **problems(401, 403, 409, 503)},
        summary="Leave the queue",
        description="409 with `match` and `opponent` where a round was faster: the match stands.",
        tags=["matchmaking"],
    )
    @once_by_key(wiring.keyed_answers, kept=PLAYER_ANSWERS_KEPT)
    def post(self, request: Request) -> HttpResponse:
        player_id = PlayerId(player_of(request).id)
        now_ms = wiring.clock()
        try:
            outcome = leave_queue(store=wiring.ticket_store(), player_id=player_id, now_ms=now_ms)
        except AlreadyMatched as refusal:
            found = answers.of_matched(refusal.matched, player_id)
            return problem(409, refusal.detail, match=found["match"], opponent=found["opponent"])
        return answer(answers.of_ticket(outcome, player_id=player_id, rules=wiring.rules().queues, now_ms=now_ms))


class StatsView(Door):
    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(
        responses={200: StatsAnswer, **problems(503)}, summary="The queues in figures", tags=["matchmaking"], auth=[]
    )
    def get(self, request: Request) -> HttpResponse:
        store = wiring.ticket_store()
        queues = {name: queue_figures(store=store, queue=name) for name in wiring.rules().queues}
        return answer({"queues": queues, "online_users": store.online()})
