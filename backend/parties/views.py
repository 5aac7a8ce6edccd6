"""The door of parties: make one, see it, invite, join, leave, kick, hand over."""

import uuid
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from caroud import party_tickets, wiring
from parties.answers import of_invite, of_invites, of_party
from parties.party import PartyState, new_code
from parties.serializers import (
    CodeBody,
    InviteAnswer,
    InviteBody,
    InvitesAnswer,
    MemberBody,
    PartyAnswer,
    PartyLeftAnswer,
)
from parties.services.create_party import create_party
from parties.services.find_party import find_party
from parties.services.hand_over import hand_over
from parties.services.invite_player import invite_player, list_invites
from parties.services.join_party import join_by_code, join_by_invite
from parties.services.leave_party import kick_member, leave_party
from players.permissions import player_of
from rest.fields import body_of, no_fields
from rest.idempotency import PLAYER_ANSWERS_KEPT, once_by_key
from rest.schema import problems
from rest.views import Door, answer


def _answer(party: PartyState, *, status: int = 200) -> HttpResponse:
    return answer(of_party(party, max_size=settings.PARTY_MAX_SIZE), status=status)


def _sent(shape: type[Serializer[Any]], request: Request) -> dict[str, Any]:
    """The checked fields of a body that has this shape."""
    body = shape(data=body_of(request, set(shape().fields)))
    body.is_valid(raise_exception=True)
    fields: dict[str, Any] = body.validated_data
    return fields


class PartiesView(Door):
    @extend_schema(
        request=None,
        responses={201: PartyAnswer, 200: PartyAnswer, **problems(400, 401, 403, 503)},
        summary="Make a party",
        description="A party of one, led by you. Whoever is in a party already gets that one, with 200.",
        tags=["parties"],
    )
    def post(self, request: Request) -> HttpResponse:
        no_fields(request)
        party, is_new = create_party(player=player_of(request), new_code=new_code, now_ms=wiring.clock())
        return _answer(party, status=201 if is_new else 200)


class MyPartyView(Door):
    @extend_schema(
        responses={200: PartyAnswer, **problems(401, 403, 404, 503)}, summary="The party that I am in", tags=["parties"]
    )
    def get(self, request: Request) -> HttpResponse:
        return _answer(find_party(player_id=player_of(request).id, now_ms=wiring.clock()))


class MyInvitesView(Door):
    @extend_schema(
        responses={200: InvitesAnswer, **problems(401, 403, 503)},
        operation_id="parties_invites_list",
        summary="Who invites me",
        tags=["parties"],
    )
    def get(self, request: Request) -> HttpResponse:
        return answer(of_invites(list_invites(player_id=player_of(request).id, now_ms=wiring.clock())))


class JoinByCodeView(Door):
    @extend_schema(
        request=CodeBody,
        responses={200: PartyAnswer, **problems(400, 401, 403, 404, 409, 503)},
        operation_id="parties_join_by_code",
        summary="Join a party by its code",
        description="409 where it is full, with `max_size`, and where you are in another party, with `party`.",
        tags=["parties"],
    )
    @once_by_key(wiring.keyed_answers, kept=PLAYER_ANSWERS_KEPT)
    def post(self, request: Request) -> HttpResponse:
        code = _sent(CodeBody, request)["code"]
        party = join_by_code(
            code=code, player=player_of(request), max_size=settings.PARTY_MAX_SIZE, now_ms=wiring.clock()
        )
        return _answer(party)


class JoinPartyView(Door):
    @extend_schema(
        request=None,
        responses={200: PartyAnswer, **problems(400, 401, 403, 404, 409, 503)},
        summary="Join a party that has invited me",
        description="409 where it is full, with `max_size`, and where you are in another party, with `party`.",
        tags=["parties"],
    )
    @once_by_key(wiring.keyed_answers, kept=PLAYER_ANSWERS_KEPT)
    def post(self, request: Request, party_id: uuid.UUID) -> HttpResponse:
        no_fields(request)
        party = join_by_invite(
            party_id=str(party_id),
            player=player_of(request),
            max_size=settings.PARTY_MAX_SIZE,
            now_ms=wiring.clock(),
        )
        return _answer(party)


class InviteView(Door):
    @extend_schema(
        request=InviteBody,
        responses={201: InviteAnswer, 200: InviteAnswer, **problems(400, 401, 403, 404, 409, 503)},
        operation_id="parties_invite",
        summary="Invite a player (leader)",
        description="Inviting again lengthens the invite, with 200.",
        tags=["parties"],
    )
    def post(self, request: Request, party_id: uuid.UUID) -> HttpResponse:
        sent = _sent(InviteBody, request)
        invite, is_new = invite_player(
            party_id=str(party_id),
            leader_id=player_of(request).id,
            player=str(sent["player"]) if "player" in sent else None,
            username=sent.get("username"),
            ttl_seconds=settings.PARTY_INVITE_TTL_SECONDS,
            now_ms=wiring.clock(),
        )
        return answer(of_invite(invite), status=201 if is_new else 200)


class LeavePartyView(Door):
    @extend_schema(
        request=None,
        responses={200: PartyLeftAnswer, **problems(400, 401, 403, 404, 503)},
        summary="Leave a party",
        description="Where the leader leaves, the longest member leads. The party's waiting ticket is taken out.",
        tags=["parties"],
    )
    @once_by_key(wiring.keyed_answers, kept=PLAYER_ANSWERS_KEPT)
    def post(self, request: Request, party_id: uuid.UUID) -> HttpResponse:
        no_fields(request)
        leave_party(
            party_id=str(party_id),
            player_id=player_of(request).id,
            take_ticket_out=party_tickets.take_out,
            now_ms=wiring.clock(),
        )
        return answer({"status": "left"})


class KickView(Door):
    @extend_schema(
        request=MemberBody,
        responses={200: PartyAnswer, **problems(400, 401, 403, 404, 503)},
        summary="Send a member away (leader)",
        description="The party has another code afterwards. Its waiting ticket is taken out.",
        tags=["parties"],
    )
    def post(self, request: Request, party_id: uuid.UUID) -> HttpResponse:
        party = kick_member(
            party_id=str(party_id),
            leader_id=player_of(request).id,
            player_id=str(_sent(MemberBody, request)["player"]),
            take_ticket_out=party_tickets.take_out,
            new_code=new_code,
            now_ms=wiring.clock(),
        )
        return _answer(party)


class LeadView(Door):
    @extend_schema(
        request=MemberBody,
        responses={200: PartyAnswer, **problems(400, 401, 403, 404, 503)},
        summary="Make another member the leader (leader)",
        tags=["parties"],
    )
    def post(self, request: Request, party_id: uuid.UUID) -> HttpResponse:
        party = hand_over(
            party_id=str(party_id),
            leader_id=player_of(request).id,
            player_id=str(_sent(MemberBody, request)["player"]),
            now_ms=wiring.clock(),
        )
        return _answer(party)
