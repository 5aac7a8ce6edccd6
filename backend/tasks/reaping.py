"""What ends by itself: tickets nobody asks for, servers that fall silent, matches without a result, idle parties."""

from celery import shared_task
from django.conf import settings

from caroud import wiring
from datastore.clock import shared_clock
from matchmaking.services.abandon_matches import settle_overdue
from matchmaking.services.expire_tickets import end_tickets
from matchmaking.services.expire_tickets import expire_tickets as expire_queue
from matchmaking.services.host_matches import reap_stale_servers as reap
from matchmaking.services.settle_unanswered import settle_unanswered
from parties.services.expire_parties import expire_parties as expire_untouched
from players.services.forget_tokens import forget_expired_tokens as forget
from tasks.absence import logged_absence


@shared_task(name="tasks.reaping.expire_tickets")
def expire_tickets() -> None:
    """End tickets that were not asked for in time, in every queue, and those of closed queues; forget players who are
    gone."""
    for store in (wiring.postgres_tickets(), wiring.redis_tickets()):
        with logged_absence("expiry"):
            for rules in wiring.rules().queues.values():
                expire_queue(store=store, rules=rules, now_ms=wiring.clock())
            for closed in wiring.rules().closed.values():
                end_tickets(store=store, closed=closed, now_ms=wiring.clock())
            store.prune_online(wiring.clock())


@shared_task(name="tasks.reaping.reap_stale_servers")
def reap_stale_servers() -> None:
    """Take silent servers out of the pool and abandon their matches."""
    with logged_absence("reaping"):
        wiring.link().look()
        reap(
            store=wiring.ticket_store(),
            pool=wiring.server_pool(),
            ratings=wiring.rating_cache(),
            rules=wiring.rules(),
            heartbeat_ttl_seconds=settings.HEARTBEAT_TTL_SECONDS,
            now_ms=wiring.clock(),
        )


@shared_task(name="tasks.reaping.settle_overdue_matches")
def settle_overdue_matches() -> None:
    """Abandon matches whose result is overdue; finish what an absent Redis left open."""
    with logged_absence("settling"):
        wiring.link().look()
        settle_overdue(
            store=wiring.ticket_store(), ratings=wiring.rating_cache(), rules=wiring.rules(), now_ms=wiring.clock()
        )


@shared_task(name="tasks.reaping.settle_unanswered_matches")
def settle_unanswered_matches() -> None:
    """Call off matches that were not accepted in time; finish what a crash or an absent Redis left open of accepted
    ones."""
    with logged_absence("acceptance"):
        wiring.link().look()
        settle_unanswered(
            store=wiring.ticket_store(), ratings=wiring.rating_cache(), rules=wiring.rules(), now_ms=wiring.clock()
        )


@shared_task(name="tasks.reaping.expire_parties")
def expire_parties() -> None:
    """Delete parties that nobody has touched for long, and invites whose time is over."""
    with logged_absence("expiry of parties"):
        expire_untouched(ttl_seconds=settings.PARTY_TTL_SECONDS, now_ms=wiring.clock())


@shared_task(name="tasks.reaping.forget_expired_tokens")
def forget_expired_tokens() -> None:
    """Delete refresh tokens whose time is over."""
    with logged_absence("forgetting tokens"):
        forget(now=shared_clock.now())
