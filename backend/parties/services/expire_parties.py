"""Parties that nobody has touched for long, and invites whose time is over."""

from datetime import timedelta

from django.db import transaction

from parties.models import Party, PartyInvite
from parties.party import moment

#: Parties a transaction: more would hold their locks for long.
_BATCH = 500


def expire_parties(*, ttl_seconds: float, now_ms: int) -> int:
    """Answers how many parties are gone. A party in which somebody does something just now stays."""
    PartyInvite.objects.filter(expires_at__lte=moment(now_ms)).delete()
    gone = 0
    while (batch := _expire_some(ttl_seconds, now_ms)) > 0:
        gone += batch
    return gone


def _expire_some(ttl_seconds: float, now_ms: int) -> int:
    untouched = Party.objects.filter(changed_at__lte=moment(now_ms) - timedelta(seconds=ttl_seconds))
    with transaction.atomic():
        ids = list(untouched.select_for_update(skip_locked=True).values_list("id", flat=True)[:_BATCH])
        Party.objects.filter(id__in=ids).delete()
    return len(ids)
