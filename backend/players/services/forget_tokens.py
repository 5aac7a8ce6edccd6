"""Refresh tokens that nobody can use any more."""

from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken


def forget_expired_tokens() -> int:
    """Delete expired refresh tokens and the notes that they were used. Answers how many."""
    return OutstandingToken.objects.filter(expires_at__lt=timezone.now()).delete()[0]
