"""Is Redis the one that is known, with what it should hold? If not, bring that about. Before each round."""

from django.conf import settings

from caroud import wiring
from matchmaking.charge import InCharge, read_charge
from matchmaking.services.recover_store import recover_if_lost


def charge_of_a_whole_redis() -> InCharge | None:
    """Who is in charge, with a Redis that holds what it should; None while that is being brought about elsewhere."""
    charge = read_charge()
    if charge.is_fallen_back:
        return charge
    return recover_if_lost(
        store=wiring.redis_tickets(),
        pool=wiring.redis_servers(),
        # A server's seats are given away by one pool: that of the backend.
        known_servers=wiring.postgres_servers() if settings.MATCHMAKING_BACKEND == "redis" else None,
        rules=wiring.rules(),
        charge=charge,
        word=wiring.new_id(),
        now_ms=wiring.clock(),
    )
