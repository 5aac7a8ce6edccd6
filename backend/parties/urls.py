"""`/api/parties/`."""

from django.urls import URLPattern, URLResolver, path

from parties.views import (
    InviteView,
    JoinByCodeView,
    JoinPartyView,
    KickView,
    LeadView,
    LeavePartyView,
    MyInvitesView,
    MyPartyView,
    PartiesView,
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("parties/", PartiesView.as_view(), name="parties"),
    path("parties/mine/", MyPartyView.as_view(), name="parties-mine"),
    path("parties/invites/", MyInvitesView.as_view(), name="parties-invites"),
    path("parties/join/", JoinByCodeView.as_view(), name="parties-join"),
    path("parties/<uuid:party_id>/invites/", InviteView.as_view(), name="party-invites"),
    path("parties/<uuid:party_id>/join/", JoinPartyView.as_view(), name="party-join"),
    path("parties/<uuid:party_id>/leave/", LeavePartyView.as_view(), name="party-leave"),
    path("parties/<uuid:party_id>/kick/", KickView.as_view(), name="party-kick"),
    path("parties/<uuid:party_id>/lead/", LeadView.as_view(), name="party-lead"),
]
