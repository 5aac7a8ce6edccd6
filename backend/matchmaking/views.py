"""The player's door: join, status, leave; and the queues in figures."""

import time
from functools import partial
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from caroud import nudge, wiring
from errors import Invalid
from matchmaking import answers
from matchmaking.engine.traits import Traits, traits_text
from matchmaking.match import PlayerId, TicketId
from matchmaking.rules import Rules
from matchmaking.serializers import ExplainAnswer, JoinBody, LeaveAnswer, StatsAnswer, TicketAnswer
from matchmaking.services.explain_ticket import explain_ticket
from matchmaking.services.introduce_player import introduce_player
from matchmaking.services.join_as_party import join_as_party
from matchmaking.services.join_queue import join_queue
from matchmaking.services.keep_expectations import Asker, Outlook
from matchmaking.services.leave_queue import AlreadyMatched, leave_queue
from matchmaking.services.look_at_pending import look_at_pending
from matchmaking.services.pending_match import Acceptance
from matchmaking.services.put_back import Known
from matchmaking.services.queue_figures import queue_figures
from matchmaking.services.ticket_status import ticket_status
from matchmaking.signed_ticket import HEADER, read_ticket, sign_ticket
from matchmaking.ticket import Ended, JoinRequest, KeptTicket, Left, Matched, NotInQueue, Waiting
from players.permissions import IsStaff, player_of
from players.tokens import PlayerCaller
from rest.fields import body_of, choice, choices, identifier, latencies, no_fields, region
from rest.idempotency import PLAYER_ANSWERS_KEPT, once_by_key
from rest.problems import problem
from rest.schema import problems
from rest.views import Door, answer

#: A ticket's queues. More would make claims of one ticket touch many queues, and nobody waits in so many.
QUEUES_AT_ONCE = 8
_HEADER_VARIABLE = "HTTP_" + HEADER.upper().replace("-", "_")


_TICKET_HEADER = OpenApiParameter(
    HEADER,
    str,
    location=OpenApiParameter.HEADER,
    description="The newest `ticket` of a waiting answer: where the service has lost the ticket, it is put back.",
)


class QueueDoor(Door):
    """A player's call about a ticket. `backend` names the store; "" is the one of MATCHMAKING_BACKEND."""

    backend = ""

    def kept_ticket(self, request: Request, player: PlayerCaller, rules: Rules, now_ms: int) -> KeptTicket | None:
        """The ticket that the player shows, in those of its queues that there are, if it is not too old."""
        text = request._request.META.get(_HEADER_VARIABLE)
        if not text:
            return None
        oldest_ms = now_ms - max(queue.ticket_ttl_ms for queue in rules.queues.values())
        kept = read_ticket(text, PlayerId(player.id), issued_since_ms=oldest_ms, secret=settings.SECRET_KEY)
        return kept.within(rules.queues) if kept is not None else None

    def answer_with(self, outcome: Known | Left, player: PlayerCaller, now_ms: int) -> HttpResponse:
        acceptance = None
        if isinstance(outcome, Matched | Ended):
            outcome, acceptance = self.as_history_knows(outcome, player, now_ms)
        rules = wiring.rules().known
        if isinstance(outcome, Waiting) and outcome.queue not in rules:
            outcome = NotInQueue()  # in a queue that was there before this process started, and is no more
        tree = answers.of_ticket(
            outcome, player_id=PlayerId(player.id), rules=rules, now_ms=now_ms, acceptance=acceptance
        )
        if isinstance(outcome, Waiting):
            tree |= answers.of_outlook(self.outlook(outcome, player, now_ms))
            tree["ticket"] = sign_ticket(answers.kept_of(outcome, player), now_ms, secret=settings.SECRET_KEY)
        return answer(tree)

    def as_history_knows(
        self, outcome: Matched | Ended, player: PlayerCaller, now_ms: int
    ) -> tuple[Known, Acceptance | None]:
        """What became of a match that waits for acceptance; costs nothing where none does."""
        return look_at_pending(
            store=wiring.ticket_store(self.backend),
            ratings=wiring.rating_cache(),
            rules=wiring.rules(),
            outcome=outcome,
            player_id=PlayerId(player.id),
            now_ms=now_ms,
        )

    def outlook(self, waiting: Waiting, player: PlayerCaller, now_ms: int) -> Outlook:
        """What the player may expect, in the first queue; nothing of a store that is not the usual one."""
        if self.backend not in ("", settings.MATCHMAKING_BACKEND):
            return Outlook()
        asker = Asker(PlayerId(player.id), waiting.queue, waiting.rating, waiting.region, waiting.joined_ms)
        return wiring.expectations().outlook(asker, wiring.rules().known[waiting.queue], now_ms)


class JoinView(QueueDoor):
    @extend_schema(
        parameters=[_TICKET_HEADER],
        request=JoinBody,
        responses={200: TicketAnswer, **problems(400, 401, 403, 404, 409, 503)},
        summary="Join a queue, or several at once, alone or with a party",
        description="Joining twice is the same ticket, arrival time kept; during a live match it answers the match. "
        "With `party` its leader joins for all members: one ticket; 409 names a member who waits or plays already.",
        tags=["matchmaking"],
    )
    @once_by_key(wiring.keyed_answers, kept=PLAYER_ANSWERS_KEPT)
    def post(self, request: Request) -> HttpResponse:
        player = player_of(request)
        rules = wiring.rules()
        body = body_of(request, {"queue", "queues", "region", "latencies", "party"})
        queues = choices(body, "queues", rules.queues.keys(), most=QUEUES_AT_ONCE)
        queue = choice(body, "queue", rules.queues.keys(), queues[0] if queues else rules.default_queue)
        if queues and body.get("queue") is not None:
            raise Invalid("queues: name either queue or queues", field="queues")
        queues = queues or (queue,)
        now_ms, told = wiring.clock(), latencies(body)
        asked = JoinRequest(
            player_id=PlayerId(player.id),
            username=player.username,
            queues=queues,
            region=region(body),
            ticket_id=TicketId(wiring.new_id()),
            traits=traits_text(Traits(latencies_ms=told)) if told else "",
        )
        kept = self.kept_ticket(request, player, rules, now_ms)
        outcome = self._join(asked, identifier(body, "party"), player, rules, kept, now_ms)
        return self.answer_with(outcome, player, now_ms)

    def _join(
        self,
        asked: JoinRequest,
        party_id: str,
        player: PlayerCaller,
        rules: Rules,
        kept: KeptTicket | None,
        now_ms: int,
    ) -> Known:
        store = wiring.ticket_store(self.backend)
        ask_for_round = partial(nudge.ask_for_round, backend=self.backend)
        if not party_id:
            return join_queue(
                store=store,
                request=asked,
                rules=rules.queues[asked.queue],
                now_ms=now_ms,
                find_rating=partial(self._introduce, rules, player),
                ask_for_round=ask_for_round,
                kept=kept,
            )
        return join_as_party(
            store=store,
            party_id=party_id,
            request=asked,
            rules=rules,
            now_ms=now_ms,
            find_rating=lambda member, queue: self._introduce(
                rules, PlayerCaller(member.player_id, member.username), queue
            ),
            ask_for_round=ask_for_round,
            kept=kept,
        )

    def _introduce(self, rules: Rules, player: PlayerCaller, queue: str) -> float:
        """Rating points, from PostgreSQL; joins know the player from then on."""
        cache = wiring.rating_cache_of(self.backend)
        return introduce_player(cache=cache, player=player, rules=rules.queues[queue])


class StatusView(QueueDoor):
    @extend_schema(
        parameters=[_TICKET_HEADER],
        responses={200: TicketAnswer, **problems(400, 401, 403, 409, 503)},
        summary="What became of my ticket",
        description="Ask every second or two: asking is the player's heartbeat, and who stops asking expires.",
        tags=["matchmaking"],
    )
    def get(self, request: Request) -> HttpResponse:
        player = player_of(request)
        now_ms, rules = wiring.clock(), wiring.rules()
        outcome = ticket_status(
            store=wiring.ticket_store(self.backend),
            rules=rules,
            player_id=PlayerId(player.id),
            kept=self.kept_ticket(request, player, rules, now_ms),
            now_ms=now_ms,
        )
        if isinstance(outcome, Waiting) and not self.backend:
            for queue in outcome.queues:
                nudge.run_overdue_round(queue)
        return self.answer_with(outcome, player, now_ms)


class LeaveView(QueueDoor):
    @extend_schema(
        parameters=[_TICKET_HEADER],
        request=None,
        responses={200: LeaveAnswer, **problems(400, 401, 403, 409, 503)},
        summary="Leave the queue",
        description="409 with `match` and `opponent` where a round was faster: the match stands, or can be declined.",
        tags=["matchmaking"],
    )
    @once_by_key(wiring.keyed_answers, kept=PLAYER_ANSWERS_KEPT)
    def post(self, request: Request) -> HttpResponse:
        no_fields(request)
        player = player_of(request)
        now_ms, rules = wiring.clock(), wiring.rules()
        try:
            outcome = leave_queue(
                store=wiring.ticket_store(self.backend),
                rules=rules,
                player_id=PlayerId(player.id),
                kept=self.kept_ticket(request, player, rules, now_ms),
                now_ms=now_ms,
                pause=time.sleep,
                request_key=request.META.get("HTTP_IDEMPOTENCY_KEY", ""),
            )
        except AlreadyMatched as refusal:
            found = answers.of_matched(refusal.matched, PlayerId(player.id))
            return problem(409, refusal.detail, match=found["match"], opponent=found["opponent"])
        return self.answer_with(outcome, player, now_ms)


class StatsView(QueueDoor):
    authentication_classes = []
    permission_classes = [AllowAny]

    @extend_schema(
        responses={200: StatsAnswer, **problems(503)}, summary="The queues in figures", tags=["matchmaking"], auth=[]
    )
    def get(self, request: Request) -> HttpResponse:
        store = wiring.ticket_store(self.backend)
        history = wiring.expectations().history
        queues = {name: queue_figures(store=store, queue=name, history=history(name)) for name in wiring.rules().queues}
        return answer({"queues": queues, "online_users": store.online(), "mode": self.backend or wiring.mode()})


class ExplainView(Door):
    permission_classes = [IsStaff]

    @extend_schema(
        responses={200: ExplainAnswer, **problems(401, 403, 404, 503)},
        summary="Why a ticket waits",
        description="For staff: what the player is told, and what stands between the ticket and the nearest others.",
        tags=["matchmaking"],
    )
    def get(self, request: Request, player_id: UUID) -> HttpResponse:
        player = PlayerId(str(player_id))
        now_ms = wiring.clock()
        found = explain_ticket(
            expectations=wiring.expectations(), rules=wiring.rules(), player_id=player, now_ms=now_ms
        )
        return answer({"player": player, "queues": [answers.of_explanation(one) for one in found]})
