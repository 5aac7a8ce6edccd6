"""What a web process does beside its requests: see which store is in charge, bring Redis home, keep its place.

A thread, because while Redis is away nothing of Celery runs.
"""

import contextlib
import logging
import threading
import time
from functools import partial

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from caroud import nudge, wiring
from caroud.recovery import charge_of_a_whole_redis
from errors import NotInCharge, StoreUnavailable
from matchmaking.services.come_home import come_home
from matchmaking.services.expire_tickets import end_tickets, expire_tickets
from matchmaking.services.host_matches import reap_stale_servers
from matchmaking.services.settle_unanswered import settle_unanswered

logger = logging.getLogger(__name__)

#: Seconds between two looks: how long a process may go on asking the store that is not in charge.
LOOK_EVERY_SECONDS = 0.5
#: Seconds that PostgreSQL stays in charge at least, so that a Redis that comes and goes does not drag players with it.
DWELL_SECONDS = 3.0
#: Seconds between two looks for silent players and servers while PostgreSQL is in charge.
REAP_EVERY_SECONDS = 5.0


def start() -> None:
    """Watch from now on, in this process."""
    threading.Thread(target=_watch, name="watch", daemon=True).start()


def _watch() -> None:
    with contextlib.suppress(DatabaseError):  # not migrated yet; the loop says so
        wiring.link().look()  # who is in charge, and what time it is
    nudge.warm_up()  # now, and not while players wait for their first round here
    reaped_at = 0.0
    while True:
        time.sleep(LOOK_EVERY_SECONDS)
        try:
            wiring.link().look()
            if not wiring.link().is_fallen_back:
                charge_of_a_whole_redis()
            else:
                if time.monotonic() - reaped_at > REAP_EVERY_SECONDS:
                    reaped_at = time.monotonic()
                    _reap()
                keep_the_place()
        except (StoreUnavailable, NotInCharge, DatabaseError, InterfaceError) as error:
            logger.warning("the watch goes on: %s", str(error).splitlines()[0] if str(error) else type(error).__name__)
        except Exception:
            logger.exception("the watch goes on")
        finally:
            connection.close_if_unusable_or_obsolete()


def keep_the_place() -> None:
    """Run the rounds that are due, and go home as soon as Redis answers for good."""
    for queue in wiring.rules().queues:
        nudge.run_overdue_round(queue)
    if wiring.link().fallen_back_seconds() >= DWELL_SECONDS and wiring.link().reaches_first():
        go_home()


def go_home() -> bool:
    """Bring home what PostgreSQL held. False where another process is at it."""
    is_home = come_home(
        store=wiring.redis_tickets_unasked(),
        stand_in=wiring.stand_in_tickets(),
        pool=wiring.redis_servers(),
        known_servers=wiring.postgres_servers(),
        rules=wiring.rules(),
        word=wiring.new_id(),
        now_ms=wiring.clock(),
    )
    wiring.link().look()
    return is_home


def _reap() -> None:
    store = wiring.stand_in_tickets()
    for rules in wiring.rules().queues.values():
        expire_tickets(store=store, rules=rules, now_ms=wiring.clock())
    for closed in wiring.rules().closed.values():
        end_tickets(store=store, closed=closed, now_ms=wiring.clock())
    settle_unanswered(
        store=wiring.ticket_store(), ratings=wiring.rating_cache(), rules=wiring.rules(), now_ms=wiring.clock()
    )
    reap = partial(reap_stale_servers, store=wiring.ticket_store(), pool=wiring.server_pool())
    reap(
        ratings=wiring.rating_cache(),
        rules=wiring.rules(),
        heartbeat_ttl_seconds=settings.HEARTBEAT_TTL_SECONDS,
        now_ms=wiring.clock(),
    )
