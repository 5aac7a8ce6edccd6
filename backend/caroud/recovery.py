"""Is Redis the one that is known, with what it should hold? If not, bring that about. Before each round."""

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
        known_servers=wiring.postgres_servers(),
        charge=charge,
        word=wiring.new_id(),
        now_ms=wiring.clock(),
    )
