"""Refresh tokens that nobody can use any more."""

from datetime import datetime

from rest_framework_simplejwt.token_blacklist.models import OutstandingToken


def forget_expired_tokens(*, now: datetime) -> int:
    """Delete expired refresh tokens and the notes that they were used. Answers how many."""
    return OutstandingToken.objects.filter(expires_at__lt=now).delete()[0]
