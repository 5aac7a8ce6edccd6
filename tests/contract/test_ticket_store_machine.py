"""Stores against the memory store, step by step: any sequence of calls has the same answers."""

import os
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from datastore import keys as lifetimes
from datastore.client import connect
from datastore.keys import Keys
from matchmaking.match import Match, MatchId, MatchStatus, PlayerId, Proposal
from matchmaking.party import members_of, party_text
from matchmaking.stores.memory import MemoryTicketStore
from matchmaking.stores.port import TicketStore
from matchmaking.stores.postgres import store as postgres_store
from matchmaking.ticket import CalledOff, JoinRequest, KeptTicket, Left, Matched
from servers.server import ServerId
from servers.stores.memory import MemoryServerPool
from servers.stores.port import ServerPool
from servers.stores.redis.pool import RedisServerPool
from tests.builders import (
    CASUAL,
    NOW_MS,
    RANKED,
    a_join,
    a_kept_ticket,
    a_match_of,
    a_player_id,
    a_proposal,
    a_registration,
)
from tests.conftest import RULES, a_prefix, a_redis_store, note_rating, postgres_stores

PLAYERS = [a_player_id(number) for number in range(6)]
SERVERS = ["eu-1", "eu-2", "us-1"]
PAIRS = st.lists(st.sampled_from(PLAYERS), min_size=2, max_size=2, unique=True)
QUEUES = st.sampled_from([RANKED, CASUAL])
#: Of a join: a queue, or both, in either order.
CHOICES = st.sampled_from([("ranked",), ("casual",), ("ranked", "casual"), ("casual", "ranked")])
MEMBERS = st.lists(st.sampled_from(PLAYERS), min_size=2, max_size=3, unique=True)
WAITS_MS = st.sampled_from([0, 1_000, 200_000, 300_001])
ENDINGS = st.sampled_from([MatchStatus.COMPLETED, MatchStatus.ABANDONED])


@pytest.fixture(autouse=True)
def _nudges_last(monkeypatch: pytest.MonkeyPatch) -> None:
    """The model's nudges do not wear off; a run on a busy machine may take longer than theirs."""
    monkeypatch.setattr(lifetimes, "NUDGE_LIFETIME_MS", 10**9)


@pytest.fixture(scope="module", autouse=True)
def _redis() -> Iterator[None]:
    RedisAgrees.client = connect(os.environ["REDIS_URL"])
    yield
    RedisAgrees.client.close()
    RedisAgrees.client.connection_pool.disconnect()


pytestmark = pytest.mark.takes(20)


class StoresAgree(RuleBasedStateMachine):
    """Every call goes to the model and to the tested store; every answer has to be the same."""

    #: Claims of the tested store, and so of its model, are history at once.
    announces_at_once = False

    def open_stores(self) -> tuple[TicketStore, ServerPool]:
        """The tested stores, empty."""
        raise NotImplementedError

    def close_stores(self) -> None:
        """Leave nothing behind."""

    def know_rating(self, player: PlayerId, queue: str, rating: float) -> None:
        """What a service sees to before it brings a rating to the store."""

    @initialize()
    def both_are_empty(self) -> None:
        self.now_ms = NOW_MS
        pool = MemoryServerPool()
        self.model = MemoryTicketStore(pool, announces_at_once=self.announces_at_once)
        tickets, tested_pool = self.open_stores()
        self.tickets: list[TicketStore] = [self.model, tickets]
        self.pools: list[ServerPool] = [pool, tested_pool]
        self.matches: list[Match] = []
        self.endings: dict[MatchId, MatchStatus] = {}
        self.proposals: list[list[Proposal]] = []
        self.kept: list[KeptTicket] = []
        self.fallen: list[CalledOff] = []

    def same(self, answers: list[Any]) -> Any:
        model, tested = answers
        assert tested == model
        return tested

    def proposed(self, pair: list[PlayerId], match_id: str) -> list[Proposal]:
        """The same proposal to each store, with the store's own marks."""
        return [a_proposal(store, *pair, match_id=match_id) for store in self.tickets]

    # --- the player's calls -------------------------------------------------------------------------------

    @rule(player=st.sampled_from(PLAYERS), queues=CHOICES, rating=st.sampled_from([1000.0, 1200.5, None]))
    def join(self, player, queues, rating) -> None:
        request = self.asked(player, queues, rating)
        joined = self.same([store.join(request, RULES.queues[queues[0]], self.now_ms) for store in self.tickets])
        if getattr(joined, "is_new", False):
            self.keep(player, request.username)

    def asked(self, player, queues, rating) -> JoinRequest:
        """A join of this player, always of the same region and with the same latencies."""
        request = a_join(
            player,
            rating=rating,
            region="eu" if player < PLAYERS[3] else "",
            username=f"name-{player[-1]}",
            queues=queues,
            traits="l=eu:40" if player < PLAYERS[2] else "",
        )
        if rating is not None:
            for queue, brought in zip(queues, request.ratings, strict=True):
                self.know_rating(player, queue, brought)
        return request

    def keep(self, player, username) -> None:
        """The ticket that the player was answered."""
        waits = self.same([store.status(player, self.now_ms) for store in self.tickets])
        region, joined_ms, party = waits.region, waits.joined_ms, waits.party
        ticket = (waits.queues, region, waits.ratings, joined_ms, party, waits.traits)
        self.kept.append(KeptTicket(waits.ticket_id, player, username, *ticket))

    @rule(players=MEMBERS, queues=CHOICES, rating=st.sampled_from([1000.0, None]), party=st.sampled_from(["p", "q"]))
    def join_party(self, players, queues, rating, party) -> None:
        requests = [self.asked(player, queues, rating) for player in players]
        rules = RULES.queues[queues[0]]
        joined = self.same([store.join_party(requests, party, rules, self.now_ms) for store in self.tickets])
        if getattr(joined, "is_new", False):
            for request in requests:
                self.keep(request.player_id, request.username)

    @rule(player=st.sampled_from(PLAYERS))
    def status(self, player) -> None:
        self.same([store.status(player, self.now_ms) for store in self.tickets])

    @rule(player=st.sampled_from(PLAYERS), key=st.sampled_from(["", "one", "two"]))
    def leave(self, player, key) -> None:
        left = [store.leave(player, self.now_ms, request_key=key) for store in self.tickets]
        self.same(left)
        if key == "" and isinstance(left[0], Left):
            self.same([sorted(answer.others) for answer in left])

    @precondition(lambda self: self.kept)
    @rule(data=st.data())
    def restore(self, data) -> None:
        kept = data.draw(st.sampled_from(self.kept[-8:]))
        rules = RULES.queues[kept.queue]
        if self.model_has_seen_another_ticket_since(kept):
            return  # only the newest signed ticket of a player is sent
        self.same([store.restore(kept, rules, self.now_ms) for store in self.tickets])

    @rule(player=st.sampled_from(PLAYERS), rules=QUEUES, waited_ms=st.sampled_from([0, 5_000]))
    def restore_a_ticket_that_the_store_never_saw(self, player, rules, waited_ms) -> None:
        kept = a_kept_ticket(player, rating=1111.5, waited_ms=waited_ms, queue=rules.name)
        self.kept.append(kept)
        self.same([store.restore(kept, rules, self.now_ms) for store in self.tickets])

    @rule(players=MEMBERS, queues=CHOICES, comes_back=st.integers(1, 3))
    def restore_a_party_that_the_store_never_saw(self, players, queues, comes_back) -> None:
        text = party_text("lost", sorted(players))
        ticket_id = a_kept_ticket().id
        for player in players:
            self.kept.append(a_kept_ticket(player, queues=queues, party=text, ticket_id=ticket_id, waited_ms=2_000))
        for kept in self.kept[-len(players) :][:comes_back]:
            rules = RULES.queues[kept.queue]
            self.same([store.restore(kept, rules, self.now_ms) for store in self.tickets])

    def model_has_seen_another_ticket_since(self, kept: KeptTicket) -> bool:
        return kept.id != [known.id for known in self.kept if known.player_id == kept.player_id][-1]

    # --- rounds ---------------------------------------------------------------------------------------------

    @rule(pairs=st.lists(PAIRS, min_size=1, max_size=3), rules=QUEUES, asks=st.booleans())
    def claim(self, pairs, rules, asks=False) -> None:
        rules = replace(rules, acceptance_seconds=20 if asks else 0)
        each = [self.proposed(pair, str(uuid.uuid4())) for pair in pairs]
        claims = self.same(
            [
                store.claim(rules, proposals, self.now_ms, epoch=3)
                for store, proposals in zip(self.tickets, zip(*each, strict=True), strict=True)
            ]
        )
        self.matches += claims.matches
        self.proposals += each

    @rule(
        sides=st.lists(st.sampled_from(PLAYERS), min_size=3, max_size=5, unique=True),
        rules=QUEUES,
        at=st.integers(1, 2),
        asks=st.booleans(),
    )
    def claim_teams(self, sides, rules, at, asks=False) -> None:
        """Teams of any sizes, beside a duel, with parties whole or parted, as it comes."""
        rules = replace(rules, acceptance_seconds=20 if asks else 0)
        match_id, region = str(uuid.uuid4()), "us" if at == 1 else None
        each = []
        for store in self.tickets:
            flat = [entrant for (entrant,) in a_proposal(store, *sides, match_id=match_id).teams]
            each.append([Proposal(MatchId(match_id), (tuple(flat[:at]), tuple(flat[at:])), region)])
        pair = self.proposed(sides[:2], str(uuid.uuid4()))
        claims = [
            store.claim(rules, [*teams, duel], self.now_ms)
            for store, teams, duel in zip(self.tickets, each, pair, strict=True)
        ]
        self.matches += self.same(claims).matches

    @rule(
        players=MEMBERS,
        queues=CHOICES,
        rules=QUEUES,
        other=st.sampled_from(PLAYERS),
        is_announced=st.booleans(),
        asks=st.booleans(),
    )
    def a_party_meets_a_player(self, players, queues, rules, other, is_announced, asks) -> None:
        self.join_party(players=players, queues=queues, rating=1000.0, party="p")
        self.join(player=other, queues=(rules.name,), rating=1200.5)
        if other not in players:
            self.claim_teams(sides=[*players, other], rules=rules, at=len(players), asks=asks)
        if is_announced:
            self.acknowledge_all()

    @rule(pair=PAIRS, rules=QUEUES, queues=CHOICES, is_announced=st.booleans(), asks=st.booleans())
    def two_players_meet(self, pair, rules, queues, is_announced, asks) -> None:
        for player in pair:
            self.join(player=player, queues=queues, rating=1200.5)
        self.claim(pairs=[pair], rules=rules, asks=asks)
        if is_announced:
            self.acknowledge_all()

    @rule(pair=PAIRS, rules=QUEUES, comes_back=st.booleans())
    def a_ticket_changes_between_snapshot_and_claim(self, pair, rules, comes_back) -> None:
        for player in pair:
            self.join(player=player, queues=(rules.name,), rating=1200.5)
        each = self.proposed(pair, str(uuid.uuid4()))
        self.leave(player=pair[1], key="")
        if comes_back:
            self.join(player=pair[1], queues=(rules.name,), rating=1200.5)
        claims = [store.claim(rules, [one], self.now_ms) for store, one in zip(self.tickets, each, strict=True)]
        self.matches += self.same(claims).matches

    @precondition(lambda self: self.proposals)
    @rule(data=st.data())
    def claim_again(self, data) -> None:
        each = data.draw(st.sampled_from(self.proposals))
        claims = [
            store.claim(RANKED, [proposal], self.now_ms)
            for store, proposal in zip(self.tickets, each, strict=True)
            if not self.was_claimed(proposal.match_id)
        ]
        if claims:
            self.matches += self.same(claims).matches

    def was_claimed(self, match_id: MatchId) -> bool:
        """A withdrawn match's id is not used again; its proposal would be claimed again."""
        return match_id in {match.id for match in self.matches}

    @rule(rules=QUEUES, ago_ms=st.sampled_from([0, 1_000, 300_000]))
    def snapshots_are_the_same(self, rules, ago_ms) -> None:
        self.same([_tickets(store, rules.name, self.now_ms - ago_ms) for store in self.tickets])

    @rule(queue=QUEUES, again=st.booleans())
    def a_round_begins_and_ends(self, queue, again) -> None:
        self.same([store.begin_round(queue.name, "token", self.now_ms) for store in self.tickets])
        self.same([store.begin_round(queue.name, "other", self.now_ms) for store in self.tickets])
        turns = [store.finish_round(queue.name, "token", self.now_ms, may_run_again=again) for store in self.tickets]
        if self.same(turns) == "AGAIN":
            turns = [store.finish_round(queue.name, "token", self.now_ms, may_run_again=True) for store in self.tickets]
            self.same(turns)

    # --- announcing -----------------------------------------------------------------------------------------

    @rule()
    def acknowledge_all(self) -> None:
        pending = [entry.match_id for entry in self.model.outbox(1000)]
        for store in self.tickets:
            store.acknowledge(pending)

    @precondition(lambda self: self.matches)
    @rule(data=st.data(), is_one_gone=st.booleans())
    def withdraw(self, data, is_one_gone) -> None:
        match = data.draw(st.sampled_from(self.matches))
        gone = [match.players[0].id] if is_one_gone else []
        for store in self.tickets:
            store.withdraw([match], self.now_ms, gone=gone)

    @rule(pair=PAIRS, status=st.sampled_from([MatchStatus.CREATED, MatchStatus.IN_PROGRESS]))
    def enter_a_match_of_the_other_store(self, pair, status) -> None:
        if any(self.is_being_matched(player) for player in pair):
            return  # history, which has a live match of theirs, has refused it
        kept = [a_kept_ticket(player) for player in pair]
        self.kept += kept
        match = a_match_of(*kept)
        for store in self.tickets:
            store.enter([Matched(match, status)])
        self.matches.append(match)

    def is_being_matched(self, player: PlayerId) -> bool:
        pending = [entry.match for entry in self.model.outbox(1000) if entry.match]
        live = [matched.match for matched in self.model.find_matches([match.id for match in self.matches])]
        return any(player == matched.id for match in [*pending, *live] for matched in match.players)

    @rule(players=st.lists(st.sampled_from(PLAYERS), max_size=2, unique=True))
    def drop(self, players) -> None:
        """The other store names every member of a party."""
        for player in list(players):
            waits = self.same([store.status(player, self.now_ms) for store in self.tickets])
            players = [*players, *members_of(getattr(waits, "party", ""))]
        for store in self.tickets:
            store.drop(players)

    # --- acceptance -----------------------------------------------------------------------------------------

    def pending(self) -> list[Match]:
        found = self.model.find_matches([match.id for match in self.matches if match.id not in self.endings])
        return [one.match for one in found if one.status is MatchStatus.PENDING_ACCEPTANCE]

    @precondition(lambda self: self.matches)
    @rule(data=st.data())
    def confirm(self, data) -> None:
        match = data.draw(st.sampled_from(self.pending() or self.matches))
        for store in self.tickets:
            store.confirm([match])

    @precondition(lambda self: self.matches and self.pending())
    @rule(data=st.data(), is_repeated=st.booleans())
    def call_off(self, data, is_repeated) -> None:
        """Some tickets wait again, parties whole."""
        match = data.draw(st.sampled_from(self.pending()))
        self.endings[match.id] = MatchStatus.ABANDONED
        made_of = self.same([store.tickets_of([match]) for store in self.tickets])
        whole = data.draw(st.sets(st.sampled_from(sorted({kept.id for kept in made_of.values()}))))
        back = {player: kept for player, kept in made_of.items() if kept.id in whole}
        self.fallen.append(CalledOff(match, back, self.now_ms))
        for store in self.tickets * (2 if is_repeated else 1):
            store.call_off(self.fallen[-1])

    @precondition(lambda self: self.fallen)
    @rule(data=st.data())
    def call_off_again(self, data) -> None:
        fallen = data.draw(st.sampled_from(self.fallen))
        for store in self.tickets:
            store.call_off(fallen)

    # --- matches, time, servers -----------------------------------------------------------------------------

    @precondition(lambda self: self.matches)
    @rule(data=st.data(), how=ENDINGS)
    def end(self, data, how) -> None:
        """A match ends one way: history, which is asked first, refuses another."""
        match = data.draw(st.sampled_from(self.matches))
        how = self.endings.setdefault(match.id, how)
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

    @rule()
    def prune_online(self) -> None:
        self.same([store.prune_online(self.now_ms) for store in self.tickets])

    @rule(server=st.sampled_from(SERVERS), capacity=st.integers(1, 3))
    def register(self, server, capacity) -> None:
        registration = a_registration(server, region=server[:2], capacity=capacity)
        self.same([pool.register(registration, self.now_ms) for pool in self.pools])

    @rule(server=st.sampled_from(SERVERS), staleness=st.integers(0, 1), load=st.sampled_from([None, 12.5]))
    def heartbeat(self, server, staleness, load) -> None:
        known = self.pools[0].find(ServerId(server))
        generation = (known.generation if known else NOW_MS) - staleness
        answers = [pool.heartbeat(ServerId(server), generation, self.now_ms, cpu_usage=load) for pool in self.pools]
        self.same([getattr(answer, "match_ids", answer) and _sorted(answer) for answer in answers])

    @rule(server=st.sampled_from(SERVERS))
    def drain(self, server) -> None:
        self.same([pool.drain(ServerId(server), None) for pool in self.pools])

    @rule(server=st.sampled_from(SERVERS), silent=st.booleans())
    def lose(self, server, silent) -> None:
        since_ms = self.now_ms - 15_000 if silent else None
        self.same([sorted(pool.silent(self.now_ms - 15_000)) for pool in self.pools])
        answers = [pool.lose(ServerId(server), None, silent_since_ms=since_ms) for pool in self.pools]
        self.same([sorted(answer) if isinstance(answer, list) else answer for answer in answers])

    @rule(server=st.sampled_from(SERVERS))
    def forget(self, server) -> None:
        self.same([pool.forget(ServerId(server)) for pool in self.pools])

    # --- what always holds ----------------------------------------------------------------------------------

    @invariant()
    def pools_and_queues_are_the_same_and_no_server_is_too_full(self) -> None:
        if not hasattr(self, "pools"):
            return
        servers = self.same([pool.list() for pool in self.pools])
        assert all(server.active_games <= 3 for server in servers)  # nobody hosts more than it ever could
        for rules in RULES.queues.values():
            self.same([_tickets(store, rules.name, 0) for store in self.tickets])
        outboxes = [sorted((entry.match_id, entry.epoch) for entry in store.outbox(1000)) for store in self.tickets]
        self.same(outboxes)
        ids = [match.id for match in self.matches]
        self.same([store.find_matches(ids) for store in self.tickets])

    @rule()
    def figures_are_the_same(self) -> None:
        self.same([store.online() for store in self.tickets])
        for rules in RULES.queues.values():
            self.same([_counts(store, rules.name) for store in self.tickets])

    def teardown(self) -> None:
        if not hasattr(self, "pools"):
            return
        try:
            self.figures_are_the_same()
        finally:
            self.close_stores()


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
        list(counts.per_band),
        counts.last_round_ms,
    )


def _tickets(store, queue, asked_since_ms):
    tickets = store.snapshot(queue, asked_since_ms=asked_since_ms)
    blank = [""] * len(tickets.player_ids)
    columns = (tickets.player_ids, tickets.ratings.tolist(), tickets.joined_ms.tolist())
    return sorted(zip(*columns, tickets.parties or blank, tickets.traits or blank, strict=True))


def _lines(recent):
    columns = (recent.ratings, recent.waits_ms, recent.gaps, recent.at_ms)
    return [*zip(*(column.tolist() for column in columns), recent.regions, strict=True)]


class RedisAgrees(StoresAgree):
    """Redis, and the indexes of its pool."""

    client = None

    def open_stores(self) -> tuple[TicketStore, ServerPool]:
        self.keys = Keys(prefix=a_prefix(), default_queue="ranked")
        return a_redis_store(self.client, self.keys), RedisServerPool(self.client, self.keys)

    def close_stores(self) -> None:
        for key in self.client.scan_iter(match=self.keys.prefix + "*", count=1000):
            self.client.delete(key)

    @invariant()
    def the_indexes_hold_the_servers_with_a_free_seat_and_no_others(self) -> None:
        if not hasattr(self, "pools"):
            return
        free = {s.id: s for s in self.pools[0].list() if s.status == "ready" and s.active_games < s.capacity}
        loads = {name: server.active_games * 1_000_000 // server.capacity for name, server in free.items()}
        by_place, regions, tickets, *lines_of_queues = self.indexes()
        places = {region: int(place) for region, place in regions.items()}
        assert dict(by_place) == {
            name: places[server.region] * 1_000_000 + loads[name] for name, server in free.items()
        }
        rows = [(player, row.split("|", 2)) for player, row in tickets.items()]
        for number, name in enumerate(RULES.queues):
            queue, arrivals, last_seen = lines_of_queues[3 * number : 3 * number + 3]
            waiting = sorted(player for player, row in rows if row[0] == "" and name in row[1].split(","))
            assert sorted(queue) == sorted(arrivals) == waiting
            assert set(last_seen).issuperset(waiting)
            lines = [_lines(store.recent(name, 1000)) for store in self.tickets]
            assert lines[0] == lines[1]

    def indexes(self) -> list[Any]:
        """Servers by place, regions, tickets; three lines of each queue. In one exchange: every step asks."""
        with self.client.pipeline(transaction=False) as pipeline:
            pipeline.zrange(self.keys.servers_seats, 0, -1, withscores=True)
            pipeline.hgetall(self.keys.servers_regions)
            pipeline.hgetall(self.keys.tickets)
            for keys in map(self.keys.of_queue, RULES.queues):
                for line in (keys.queue, keys.arrivals, keys.last_seen):
                    pipeline.zrange(line, 0, -1)
            return pipeline.execute()


class PostgresAgrees(StoresAgree):
    """PostgreSQL. Each run is undone by a savepoint, which is cheaper than emptying tables."""

    announces_at_once = True

    def open_stores(self) -> tuple[TicketStore, ServerPool]:
        self.savepoint = transaction.savepoint()
        stores = postgres_stores(stands_in=self.stands_in)
        return stores.tickets, stores.pool

    stands_in = False

    def close_stores(self) -> None:
        transaction.savepoint_rollback(self.savepoint)

    def know_rating(self, player: PlayerId, queue: str, rating: float) -> None:
        if (player, queue) not in self.model.ratings:
            self.model.ratings[player, queue] = rating
            note_rating(player, queue, rating)


@pytest.mark.timeout(400)  # 100 runs of 50 steps
class TestRedisAgrees(RedisAgrees.TestCase):
    settings = settings(max_examples=100, stateful_step_count=50)


@pytest.mark.timeout(400)
@pytest.mark.django_db
class TestPostgresAgrees(PostgresAgrees.TestCase):
    settings = settings(max_examples=100, stateful_step_count=50)

    @pytest.fixture(autouse=True)
    def _tells_for_ever(self, monkeypatch: pytest.MonkeyPatch, db: None) -> None:
        """The model never forgets what became of a ticket."""
        monkeypatch.setattr(postgres_store, "LAST_WORD_MS", 10**12)
