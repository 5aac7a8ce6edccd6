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
_FIELDS = 10
#: Characters. More than eight queues, the longest name, a party and latencies to sixteen regions make.
_LONGEST = 6144


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
        ",".join(kept.queues),
        kept.id,
        ",".join(map(repr, kept.ratings)),
        str(kept.joined_ms),
        str(now_ms),
        kept.region,
        kept.party,
        _own(kept.traits),
        kept.username,
    )
    body = urlsafe_b64encode("|".join(fields).encode())
    return (body + b"." + _signature(body, secret)).decode()


def _own(traits: str) -> str:
    """Without recent opponents and blocks: long lists, which the store knows, and the player need not."""
    return ";".join(part for part in traits.split(";") if not part.startswith(("r=", "b=")))


def read_ticket(text: str, player_id: PlayerId, *, issued_since_ms: int, secret: str) -> KeptTicket | None:
    """The ticket, or None where it was issued before. Raises `Invalid` where it is not whole, not ours or another's."""
    body, _, signature = text.encode("ascii", "replace").partition(b".")
    if len(text) > _LONGEST or not hmac.compare_digest(signature, _signature(body, secret)):
        raise Invalid(f"{HEADER}: is not a ticket of this service, as the newest waiting answer held it", field=HEADER)
    fields = urlsafe_b64decode(body).decode().split("|", _FIELDS - 1)
    if len(fields) < _FIELDS:
        return None  # of a version before
    owner, queues, ticket_id, ratings, joined_ms, issued_ms, region, party, traits, username = fields
    if owner != player_id:
        raise Invalid(f"{HEADER}: is another player's ticket", field=HEADER)
    if int(issued_ms) < issued_since_ms:
        return None
    return KeptTicket(
        id=TicketId(ticket_id),
        player_id=player_id,
        username=username,
        queues=tuple(queues.split(",")),
        region=region,
        ratings=tuple(map(float, ratings.split(","))),
        joined_ms=int(joined_ms),
        party=party,
        traits=traits,
    )
