#!/usr/bin/env python
"""Smoke check: is the Redis that the settings point to good enough for matchmaking?

    cd backend && python test_redis.py

Plays one round of everything (join, leave, find_match, stats; register, heartbeat, assign) in a namespace of
its own, so that a live system beside it is untouched. Needs no PostgreSQL. Exit code 0 when all is well.
"""

import contextlib
import os
import sys
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "caroud.settings")

if __name__ == "__main__":
    from django.core.exceptions import ImproperlyConfigured

    try:
        django.setup()
    except ImproperlyConfigured as error:
        sys.exit(f"❌ Settings: {error}")


from django.conf import settings

from caroud import wiring
from datastore.client import RedisLimits, address, connect, is_cluster_node, redis_errors
from datastore.keys import Keys
from errors import StoreUnavailable
from matchmaking.match import Match, MatchId, MatchStatus, PlayerId, TicketId
from matchmaking.rules import Placement
from matchmaking.services.find_matches import propose
from matchmaking.stores.redis.store import RedisTicketStore
from matchmaking.ticket import JoinRequest, Left, Matched, Waiting
from servers.server import Hosting, Registration, ServerId
from servers.stores.redis.pool import RedisServerPool

#: More than this is a wrong address.
LIMITS = RedisLimits(connect_seconds=3, answer_seconds=3)


class SmokeError(Exception):
    """Something answered, and not as it has to."""


def expect(is_so: bool, what: str) -> None:
    if not is_so:
        raise SmokeError(what)


class Smoke:
    """Both stores in a namespace that is removed afterwards."""

    def __init__(self) -> None:
        self.keys = Keys(
            prefix=f"{{{settings.REDIS_KEY_PREFIX}smoke-{uuid.uuid4().hex[:12]}}}:",
            default_queue=wiring.rules().default_queue,
        )
        self.client = connect(settings.REDIS_URL, key_prefix=self.keys.prefix, limits=LIMITS)
        self.rules = replace(wiring.queue_rules(wiring.rules().default_queue), placement=Placement.OPTIONAL)
        self.tickets = RedisTicketStore(self.client, self.keys, wiring.rules())
        self.pool = RedisServerPool(self.client, self.keys)

    def connection(self) -> None:
        with redis_errors():
            self.client.ping()

    def broker(self) -> None:
        """Celery's broker answers, and is no cluster."""
        with closing(connect(settings.CELERY_BROKER_URL, limits=LIMITS)) as client, redis_errors():
            client.ping()
            expect(not is_cluster_node(client), "it is a Redis Cluster, which Celery cannot use: see CELERY_BROKER_URL")

    def join(self, username: str) -> PlayerId:
        player = PlayerId(wiring.new_id())
        request = JoinRequest(player, username, (self.rules.name,), "", TicketId(wiring.new_id()), (1200.0,))
        expect(isinstance(self.tickets.join(request, self.rules, wiring.clock()), Waiting), "join does not wait")
        return player

    def find_match(self) -> Match:
        tickets = self.tickets.snapshot(self.rules.name)
        proposals = propose(tickets, self.rules, wiring.clock(), wiring.new_id)
        matches = self.tickets.claim(self.rules, proposals, wiring.clock()).matches
        expect(len(matches) == 1, f"find_match made {len(matches)} matches of two players")
        self.tickets.acknowledge([matches[0].id])
        return matches[0]

    def matchmaking(self) -> None:
        self.tickets.mark("smoke")
        leaver = self.join("leaver")
        expect(isinstance(self.tickets.leave(leaver, wiring.clock()), Left), "leave does not leave")
        one, other = self.join("testuser"), self.join("tangerine")
        match = self.find_match()
        for player in (one, other):
            told = self.tickets.status(player, wiring.clock())
            expect(isinstance(told, Matched) and told.match == match, "a player is not told the match")
        counts = self.tickets.counts(self.rules.name, [])
        seen = (counts.total_joins, counts.total_leaves, counts.total_matches, counts.current_size)
        expect(seen == (3, 1, 1, 0), f"stats count {seen}")
        self.tickets.end(match, MatchStatus.ABANDONED)

    def server_pool(self) -> None:
        server = ServerId("smoke")
        generation = self.pool.register(Registration(server, "127.0.0.1", 7777, "here", 1), wiring.clock())
        self.join("testuser")
        self.join("tangerine")
        match = self.find_match()
        expect(match.server is not None and match.server.id == server, "the match has no seat on the server")
        hosting = self.pool.heartbeat(server, generation, wiring.clock())
        expect(isinstance(hosting, Hosting) and hosting.match_ids == [match.id], "heartbeat does not tell the match")
        self.tickets.end(match, MatchStatus.COMPLETED)
        expect(self.pool.list()[0].active_games == 0, "the seat is not freed")
        expect(self.tickets.find_matches([MatchId("nobody")]) == [], "a match is made up")

    def clean(self) -> None:
        with redis_errors():
            for key in self.client.scan_iter(match=f"{self.keys.prefix}*", count=1000):
                self.client.delete(key)


def main() -> int:
    smoke = Smoke()
    steps: list[tuple[str, str, Callable[[], None]]] = [
        ("Redis connection", "Redis connection successful!", smoke.connection),
        ("Matchmaking test", "All matchmaking tests passed!", smoke.matchmaking),
        ("Server pool test", "All server pool tests passed!", smoke.server_pool),
    ]
    redis_at = address(settings.REDIS_URL)
    if settings.CELERY_BROKER_URL.startswith("redis") and address(settings.CELERY_BROKER_URL) != redis_at:
        steps.append(("Celery broker", "Celery broker connection successful!", smoke.broker))
    try:
        for name, success, step in steps:
            try:
                step()
            except StoreUnavailable as error:
                print(f"❌ {name} failed: {error.reason}")
                if step == smoke.broker:
                    print(f"   Redis at {address(settings.CELERY_BROKER_URL)}: see CELERY_BROKER_URL")
                else:
                    print(f"   Redis at {redis_at}: see REDIS_URL, REDIS_HOST and REDIS_PASSWORD")
                return 1
            except SmokeError as error:
                print(f"❌ {name} failed: {error}")
                return 1
            print(f"✅ {success}")
    finally:
        with contextlib.suppress(StoreUnavailable):  # what is left then expires by itself
            smoke.clean()
    return 0


if __name__ == "__main__":
    sys.exit(main())
