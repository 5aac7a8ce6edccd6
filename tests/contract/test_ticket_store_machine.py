"""The Redis stores against the memory stores, step by step: any sequence of calls has the same answers."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from datastore.client import connect
from datastore.keys import Keys
from matchmaking.match import Match, MatchStatus, Proposal
from matchmaking.stores.memory import MemoryTicketStore
from matchmaking.stores.redis.store import RedisTicketStore
from servers.server import ServerId
from servers.stores.memory import MemoryServerPool
from servers.stores.redis.pool import RedisServerPool
from tests.builders import CASUAL, NOW_MS, RANKED, a_join, a_player_id, a_proposal, a_registration
from tests.conftest import RULES, a_prefix

PLAYERS = [a_player_id(number) for number in range(6)]
SERVERS = ["eu-1", "eu-2", "us-1"]
PAIRS = st.lists(st.sampled_from(PLAYERS), min_size=2, max_size=2, unique=True)
QUEUES = st.sampled_from([RANKED, CASUAL])
WAITS_MS = st.sampled_from([0, 1_000, 200_000, 300_001])


@pytest.fixture(scope="module", autouse=True)
def _redis() -> Iterator[None]:
    client = connect(os.environ["REDIS_URL"])
    StoresAgree.client = client
    yield
    client.close()
    client.connection_pool.disconnect()


class StoresAgree(RuleBasedStateMachine):
    """Every call goes to both; every answer has to be the same."""

    client = None

    @initialize()
    def both_are_empty(self) -> None:
        self.now_ms = NOW_MS
        self.keys = Keys(prefix=a_prefix(), default_queue="ranked")
        model_pool = MemoryServerPool()
        self.tickets = [MemoryTicketStore(model_pool), RedisTicketStore(self.client, self.keys, RULES)]
        self.pools = [model_pool, RedisServerPool(self.client, self.keys)]
        self.matches: list[Match] = []
        self.proposals: list[Proposal] = []

    def same(self, answers):
        model, tested = answers
        assert tested == model
        return tested

    @rule(player=st.sampled_from(PLAYERS), rules=QUEUES, rating=st.sampled_from([1000.0, 1200.5, None]))
    def join(self, player, rules, rating) -> None:
        region = "eu" if player < PLAYERS[3] else ""
        request = a_join(player, rating=rating, region=region, username=f"name-{player[-1]}", queue=rules.name)
        self.same([store.join(request, rules, self.now_ms) for store in self.tickets])

    @rule(player=st.sampled_from(PLAYERS))
    def status(self, player) -> None:
        self.same([store.status(player, self.now_ms) for store in self.tickets])

    @rule(player=st.sampled_from(PLAYERS))
    def leave(self, player) -> None:
        self.same([store.leave(player, self.now_ms) for store in self.tickets])

    @rule(pairs=st.lists(PAIRS, min_size=1, max_size=3), rules=QUEUES)
    def claim(self, pairs, rules) -> None:
        proposals = [a_proposal(*pair) for pair in pairs]
        claims = self.same([store.claim(rules, proposals, self.now_ms) for store in self.tickets])
        self.matches += claims.matches
        self.proposals += proposals

    @rule(pair=PAIRS, rules=QUEUES)
    def two_players_meet(self, pair, rules) -> None:
        for player in pair:
            self.join(player=player, rules=rules, rating=1200.5)
        self.claim(pairs=[pair], rules=rules)

    @precondition(lambda self: self.proposals)
    @rule(data=st.data())
    def claim_again(self, data) -> None:
        proposal = data.draw(st.sampled_from(self.proposals))
        claims = [store.claim(RANKED, [proposal], self.now_ms) for store in self.tickets]
        self.matches += self.same(claims).matches

    @precondition(lambda self: self.matches)
    @rule(data=st.data(), how=st.sampled_from([MatchStatus.COMPLETED, MatchStatus.ABANDONED]))
    def end(self, data, how) -> None:
        match = data.draw(st.sampled_from(self.matches))
        for store in self.tickets:
            store.end(match, how)

    @precondition(lambda self: self.matches)
    @rule(data=st.data())
    def start(self, data) -> None:
        match = data.draw(st.sampled_from(self.matches))
        for store in self.tickets:
            store.start([match])

    @rule(wait_ms=WAITS_MS)
    def time_passes(self, wait_ms) -> None:
        self.now_ms += wait_ms

    @rule(rules=QUEUES)
    def expire(self, rules) -> None:
        self.same([sorted(store.expire(rules, self.now_ms)) for store in self.tickets])

    @rule(server=st.sampled_from(SERVERS), capacity=st.integers(1, 3))
    def register(self, server, capacity) -> None:
        registration = a_registration(server, region=server[:2], capacity=capacity)
        self.same([pool.register(registration, self.now_ms) for pool in self.pools])

    @rule(server=st.sampled_from(SERVERS), staleness=st.integers(0, 1))
    def heartbeat(self, server, staleness) -> None:
        known = self.pools[0].find(ServerId(server))
        generation = (known.generation if known else NOW_MS) - staleness
        answers = [pool.heartbeat(ServerId(server), generation, self.now_ms) for pool in self.pools]
        self.same([getattr(answer, "match_ids", answer) and _sorted(answer) for answer in answers])

    @rule(server=st.sampled_from(SERVERS))
    def drain(self, server) -> None:
        self.same([pool.drain(ServerId(server), None) for pool in self.pools])

    @rule(server=st.sampled_from(SERVERS), silent=st.booleans())
    def lose(self, server, silent) -> None:
        since_ms = self.now_ms - 15_000 if silent else None
        answers = [pool.lose(ServerId(server), None, silent_since_ms=since_ms) for pool in self.pools]
        self.same([sorted(answer) if isinstance(answer, list) else answer for answer in answers])

    @rule(server=st.sampled_from(SERVERS))
    def forget(self, server) -> None:
        self.same([pool.forget(ServerId(server)) for pool in self.pools])

    @rule(queue=QUEUES, again=st.booleans())
    def a_round_begins_and_ends(self, queue, again) -> None:
        self.same([store.begin_round(queue.name, "token", self.now_ms) for store in self.tickets])
        turns = [store.finish_round(queue.name, "token", self.now_ms, may_run_again=again) for store in self.tickets]
        if self.same(turns) == "AGAIN":
            turns = [store.finish_round(queue.name, "token", self.now_ms, may_run_again=True) for store in self.tickets]
            self.same(turns)

    @invariant()
    def pools_and_queues_are_the_same(self) -> None:
        if not hasattr(self, "pools"):
            return
        self.same([pool.list() for pool in self.pools])
        for rules in RULES.queues.values():
            self.same([_counts(store, rules.name) for store in self.tickets])
            self.same([_tickets(store, rules.name) for store in self.tickets])
        self.same([sorted(entry.match_id for entry in store.outbox(1000)) for store in self.tickets])

    @invariant()
    def the_indexes_hold_the_servers_with_a_free_seat_and_no_others(self) -> None:
        if not hasattr(self, "pools"):
            return
        free = {s.id: s for s in self.pools[0].list() if s.status == "ready" and s.active_games < s.capacity}
        seats = self.client.zrange(self.keys.servers_seats, 0, -1)
        assert sorted((seat.split("|")[2], seat.split("|")[0]) for seat in seats) == sorted(
            (server.id, server.region) for server in free.values()
        )
        loads = dict(self.client.zrange(self.keys.servers_load, 0, -1, withscores=True))
        assert loads == {name: server.active_games / server.capacity for name, server in free.items()}
        waiting = [store.snapshot(name).player_ids for store in self.tickets[:1] for name in RULES.queues]
        seen = [self.client.zrange(self.keys.of_queue(name).last_seen, 0, -1) for name in RULES.queues]
        assert sorted(map(sorted, seen)) == sorted(map(sorted, waiting))

    @invariant()
    def no_server_hosts_more_than_it_ever_could(self) -> None:
        if hasattr(self, "pools"):
            assert all(server.active_games <= 3 for server in self.pools[1].list())

    def teardown(self) -> None:
        if hasattr(self, "keys"):
            for key in self.client.scan_iter(match=self.keys.prefix + "*", count=1000):
                self.client.delete(key)


def _sorted(answer):
    return (sorted(answer.match_ids), answer.status) if hasattr(answer, "match_ids") else answer


def _counts(store, queue):
    counts = store.counts(queue, [(0, 1100), (1100, 9999)])
    return (
        counts.current_size,
        counts.rating_sum,
        counts.total_joins,
        counts.total_leaves,
        counts.total_matches,
        counts.total_expired,
        sorted(counts.recent_waits_ms),
        list(counts.per_band),
    )


def _tickets(store, queue):
    tickets = store.snapshot(queue)
    return sorted(zip(tickets.player_ids, tickets.ratings.tolist(), tickets.joined_ms.tolist(), strict=True))


TestStoresAgree = StoresAgree.TestCase
TestStoresAgree.settings = settings(max_examples=60, stateful_step_count=40)
