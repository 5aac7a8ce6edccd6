"""A waiting ticket in the player's own keeping: signed, so that a store that has lost it can take it back.

The newest one that a player was given is good for as long as a ticket lives unasked (`ticket_ttl_seconds`). It says
nothing that the answer beside it does not say; it is readable, and cannot be changed.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import lru_cache
from hashlib import blake2b, sha256

from errors import Invalid
from matchmaking.match import PlayerId, TicketId
from matchmaking.ticket import KeptTicket

#: The header in which a player shows it.
HEADER = "X-Matchmaking-Ticket"
_FIELDS = 8
#: Characters. Twice what the longest name and region make.
_LONGEST = 1024


@lru_cache(maxsize=4)
def _key(secret: str) -> bytes:
    """Apart from every other use of the secret."""
    return hmac.digest(secret.encode(), b"matchmaking ticket", sha256)


def _signature(body: bytes, secret: str) -> bytes:
    """Keyed BLAKE2b (RFC 7693), a MAC by itself, at a fifth of the time of an HMAC through OpenSSL."""
    return urlsafe_b64encode(blake2b(body, key=_key(secret), digest_size=32).digest())


def sign_ticket(kept: KeptTicket, now_ms: int, *, secret: str) -> str:
    """`kept` as text for a header, as of now."""
    fields = (
        kept.player_id,
        kept.queue,
        kept.id,
        repr(kept.rating),
        str(kept.joined_ms),
        str(now_ms),
        kept.region,
        kept.username,
    )
    body = urlsafe_b64encode("|".join(fields).encode())
    return (body + b"." + _signature(body, secret)).decode()


def read_ticket(text: str, player_id: PlayerId, *, issued_since_ms: int, secret: str) -> KeptTicket | None:
    """The ticket, or None where it was issued before. Raises `Invalid` where it is not whole, not ours or another's."""
    body, _, signature = text.encode("ascii", "replace").partition(b".")
    if len(text) > _LONGEST or not hmac.compare_digest(signature, _signature(body, secret)):
        raise Invalid(f"{HEADER}: is not a ticket of this service, as the newest waiting answer held it", field=HEADER)
    owner, queue, ticket_id, rating, joined_ms, issued_ms, region, username = (
        urlsafe_b64decode(body).decode().split("|", _FIELDS - 1)
    )
    if owner != player_id:
        raise Invalid(f"{HEADER}: is another player's ticket", field=HEADER)
    if int(issued_ms) < issued_since_ms:
        return None
    return KeptTicket(TicketId(ticket_id), player_id, username, queue, region, float(rating), int(joined_ms))
