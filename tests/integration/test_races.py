"""Races with real threads and a barrier; each asserts what must hold whoever wins."""

import os
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from datastore.client import connect
from datastore.keys import Keys
from matchmaking.match import MatchStatus
from matchmaking.stores.redis import store as redis_store
from matchmaking.stores.redis.store import RedisTicketStore
from matchmaking.ticket import BeingMatched, Expired, Left, Matched, Waiting
from servers.server import ServerId
from servers.stores.redis.pool import RedisServerPool
from tests.builders import NOW_MS, RANKED, a_join, a_player_id, a_proposal, a_registration, a_waiting_player
from tests.conftest import a_redis_store
from tests.threads import at_once


@pytest.fixture
def store(keys: Keys) -> Iterator[RedisTicketStore]:
    client = connect(os.environ["REDIS_URL"])
    yield a_redis_store(client, keys)
    client.close()
    client.connection_pool.disconnect()


@pytest.fixture
def pool(keys: Keys, redis_client: Any) -> RedisServerPool:
    return RedisServerPool(redis_client, keys)


def test_leave_against_match_has_one_winner_and_the_loser_is_told(store: RedisTicketStore) -> None:
    outcomes = set()
    for _ in range(300):
        leaver, partner = a_waiting_player(store), a_waiting_player(store)

        proposal = a_proposal(store, leaver, partner)
        left, claims = at_once(
            lambda leaver=leaver: store.leave(leaver, NOW_MS),
            lambda proposal=proposal: store.claim(RANKED, [proposal], NOW_MS),
        )
        store.acknowledge([match.id for match in claims.matches])

        outcomes.add(type(left))
        if isinstance(left, Left):
            assert claims.matches == []
            assert isinstance(store.status(partner, NOW_MS), Waiting)
        else:
            assert left == BeingMatched()
            matched = Matched(claims.matches[0], MatchStatus.CREATED)
            assert store.leave(leaver, NOW_MS) == store.status(partner, NOW_MS) == matched
    assert outcomes <= {Left, BeingMatched}


def test_rounds_that_overlap_never_match_a_player_twice(store: RedisTicketStore) -> None:
    players = [a_waiting_player(store) for _ in range(200)]
    straight = [a_proposal(store, *pair) for pair in zip(players[::2], players[1::2], strict=True)]
    shifted = [a_proposal(store, *pair) for pair in zip(players[1::2], players[2::2] + players[:1], strict=True)]

    claims = at_once(*(lambda p=p: store.claim(RANKED, p, NOW_MS) for p in (straight, shifted, straight, shifted)))

    matched = [player.id for claim in claims for match in claim.matches for player in match.players]
    assert len(matched) == len(set(matched))
    waiting = set(store.snapshot("ranked").player_ids)
    assert waiting.isdisjoint(matched)
    assert waiting | set(matched) == set(players)
    assert store.counts("ranked", []).total_matches == len(matched) // 2


def test_a_player_who_joins_many_times_at_once_has_one_ticket(store: RedisTicketStore) -> None:
    player = a_player_id()

    answers = at_once(
        *(lambda at=at: store.join(a_join(player), RANKED, NOW_MS + at) for at in range(8)),
    )

    assert len({answer.ticket_id for answer in answers}) == 1
    assert [answer.is_new for answer in answers].count(True) == 1
    assert store.counts("ranked", []).total_joins == 1


def test_a_server_is_never_overbooked_by_claims_and_ends_at_once(
    store: RedisTicketStore, pool: RedisServerPool
) -> None:
    pool.register(a_registration("eu-1", capacity=3), NOW_MS)
    pool.register(a_registration("eu-2", capacity=2), NOW_MS)
    live: list[Any] = []
    lock = threading.Lock()

    def play(rounds: int) -> None:
        for _ in range(rounds):
            pair = a_waiting_player(store), a_waiting_player(store)
            (match,) = store.claim(RANKED, [a_proposal(store, *pair)], NOW_MS).matches
            with lock:
                live.append(match)
                ended = live.pop(0) if len(live) > 4 else None
            if ended:
                store.end(ended, MatchStatus.COMPLETED)
                store.end(ended, MatchStatus.COMPLETED)

    def watch() -> list[int]:
        return [s.active_games for _ in range(60) for s in pool.list() if s.active_games > s.capacity]

    *_, overbooked = at_once(*(lambda: play(40) for _ in range(4)), watch)

    assert overbooked == []
    games = {server.id: server.active_games for server in pool.list()}
    held = [match.server.id for match in live if match.server]
    assert games == {"eu-1": held.count("eu-1"), "eu-2": held.count("eu-2")}


def test_a_heartbeat_against_the_reaper_has_one_winner(store: RedisTicketStore, pool: RedisServerPool) -> None:
    later = NOW_MS + 16_000
    for turn in range(100):
        server = ServerId(f"eu-{turn}")
        generation = pool.register(a_registration(server), NOW_MS)

        beat, lost = at_once(
            lambda s=server, g=generation: pool.heartbeat(s, g, later),
            lambda s=server: pool.lose(s, None, silent_since_ms=later - 15_000),
        )

        is_alive = pool.find(server).status == "ready"
        assert (beat == "UNKNOWN", lost == "ALIVE") == (not is_alive, is_alive)


def test_a_player_who_asks_while_the_reaper_looks_does_not_expire(
    store: RedisTicketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asks, silent = a_waiting_player(store), a_waiting_player(store)
    later = NOW_MS + RANKED.ticket_ttl_ms + 1
    call = store._scripts.call

    def asked_meanwhile(name: str, *args: Any) -> Any:
        if name == "expire_tickets":
            store.status(asks, later)
        return call(name, *args)

    monkeypatch.setattr(store._scripts, "call", asked_meanwhile)

    assert len(store.expire(RANKED, later)) == 1
    assert isinstance(store.status(asks, later), Waiting)
    assert store.status(silent, later) == Expired(queue="ranked")


def test_a_snapshot_in_pages_lists_nobody_twice_while_others_join(
    store: RedisTicketStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_store, "SNAPSHOT_PAGE", 4)
    players = {a_waiting_player(store, rating=1500 + place) for place in range(10)}
    read = store._client.execute_command

    def others_join_meanwhile(*args: Any, **kwargs: Any) -> Any:
        answer = read(*args, **kwargs)
        if args[0] == "ZRANGE":
            monkeypatch.setattr(store._client, "execute_command", read)
            a_waiting_player(store, rating=1000)  # before all others: each of them moves one place
            monkeypatch.setattr(store._client, "execute_command", others_join_meanwhile)
        return answer

    monkeypatch.setattr(store._client, "execute_command", others_join_meanwhile)
    tickets = store.snapshot("ranked")

    assert len(set(tickets.player_ids)) == len(tickets.player_ids) == len(tickets.ratings) == len(tickets.joined_ms)
    assert players <= set(tickets.player_ids)
    assert all(tickets.ratings[row] >= 1500 for row, player in enumerate(tickets.player_ids) if player in players)
