"""A crowd joins at once and polls until everybody is matched; and two players who join one after the other."""

import asyncio
import json
import time
import uuid
from typing import Any

import psycopg2
import uvloop

from bench.joins import access_token
from bench.load import Connection, request_bytes
from datastore.client import connect

#: Seconds between two polls of a player in the crowd.
POLL_SECONDS = 0.5
#: Seconds after which a player leaves: the last few may be too far apart, and a fault ends the run.
PATIENCE_SECONDS = 12.0


class Player:
    """One client with a connection of its own."""

    def __init__(self, port: int, secret: str, player_id: str) -> None:
        self.id = player_id
        token = access_token(player_id, secret)
        self._connection = Connection("127.0.0.1", port)
        self._join = request_bytes("POST", "/api/matchmaking/join/", token=token, body=b"{}")
        self._status = request_bytes("GET", "/api/matchmaking/status/", token=token)
        self._leave = request_bytes("POST", "/api/matchmaking/leave/", token=token, body=b"{}")
        self.joined_at = self.told_at = 0.0
        self.match: dict[str, Any] | None = None

    async def open(self) -> None:
        await self._connection.open()

    async def join(self) -> float:
        """Join; answers how long that took, seconds."""
        sent = time.perf_counter()
        status, body = await self._connection.send(self._join)
        assert status == 200, (status, body)
        self.joined_at = time.perf_counter()
        self._note(body)
        return self.joined_at - sent

    async def poll(self, every_seconds: float) -> None:
        """Ask until matched."""
        while self.match is None and time.perf_counter() - self.joined_at < PATIENCE_SECONDS:
            await asyncio.sleep(every_seconds)
            status, body = await self._connection.send(self._status)
            assert status == 200, (status, body)
            self._note(body)
        if self.match is None:
            await self._connection.send(self._leave)

    def _note(self, body: bytes) -> None:
        answer = json.loads(body)
        if answer["status"] == "matched":
            self.match, self.told_at = answer["match"], time.perf_counter()

    def close(self) -> None:
        self._connection.close()


def make_players(stack: Any, count: int, *, rating_of: Any) -> list[Player]:
    """Players whose accounts and ratings exist, without the cost of registering them over HTTP."""
    ids = [str(uuid.uuid4()) for _ in range(count)]
    with psycopg2.connect(stack.database_url) as database, database.cursor() as cursor:
        cursor.execute(
            """INSERT INTO players_player (id, username, password, is_superuser, is_staff, is_active, first_name,
                   last_name, email, date_joined, external_subject)
               SELECT id, 'bench-' || id, '!', false, false, true, '', '', '', now(), ''
               FROM unnest(%s::uuid[]) AS p (id)""",
            (ids,),
        )
    database.close()
    client = connect(stack.redis_url)
    with client.pipeline(transaction=False) as pipeline:
        for place, player in enumerate(ids):
            pipeline.hset(f"players:ratings:{player}", mapping={"ranked": repr(float(rating_of(place)))})
        pipeline.execute()
    client.connection_pool.disconnect()
    port = int(stack.environment["PORT"])
    return [Player(port, stack.environment["SECRET_KEY"], player) for player in ids]


def run_crowd(stack: Any, count: int) -> dict[str, Any]:
    """`count` players join at once and poll every 0.5 s: rates, correctness, what PostgreSQL holds."""
    players = make_players(stack, count, rating_of=lambda place: 1500 + (place % 700) - 350)
    client = connect(stack.redis_url)
    client.config_resetstat()
    before = _sql_transactions(stack)
    begin = time.perf_counter()
    joins = uvloop.run(_play(players))
    told = sorted(player.told_at - begin for player in players if player.match)
    matches = _matches_in_history(stack, [player.id for player in players], expect=len(told) // 2)
    in_history = time.perf_counter() - begin
    right = _right_matches(players, matches)
    ninety = told[int(0.9 * len(told)) - 1] if told else None
    last_join = max(player.joined_at for player in players) - begin
    joins.sort()
    return {
        "players": count,
        "joins_per_second": count / last_join,
        "join_p50_s": joins[len(joins) // 2],
        "join_p99_s": joins[int(0.99 * len(joins))],
        "told": len(told),
        "matches_in_postgresql": len(matches),
        "right_matches": right,
        "ninety_percent_told_s": ninety,
        "all_told_s": told[-1] if told else None,
        "right_pairs_per_second_to_90_percent": 0.9 * right / ninety if ninety else 0.0,
        "all_matched_and_in_postgresql_s": max(in_history, told[-1]) if told else None,
        "sql_transactions_per_match": (_sql_transactions(stack) - before) / max(1, len(matches)),
        "redis_peak_memory_mb": client.info("memory")["used_memory_peak"] / 1e6,
    }


async def _play(players: list[Player]) -> list[float]:
    await asyncio.gather(*(player.open() for player in players))

    async def one(player: Player, place: int) -> float:
        took = await player.join()
        await asyncio.sleep(POLL_SECONDS * (place % 10) / 10)
        await player.poll(POLL_SECONDS)
        player.close()
        return took

    return await asyncio.gather(*(one(player, place) for place, player in enumerate(players)))


def _sql_transactions(stack: Any) -> int:
    with psycopg2.connect(stack.database_url) as database, database.cursor() as cursor:
        cursor.execute("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()")
        (count,) = cursor.fetchone()
    database.close()
    return int(count)


def _matches_in_history(stack: Any, players: list[str], *, expect: int) -> dict[str, set[str]]:
    """Match id -> its players, of matches that have any of these players; waits some seconds for the last."""
    deadline = time.perf_counter() + 10
    while True:
        with psycopg2.connect(stack.database_url) as database, database.cursor() as cursor:
            cursor.execute(
                "SELECT match_id::text, player_id::text FROM matchmaking_participant WHERE player_id = ANY(%s::uuid[])",
                (players,),
            )
            rows = cursor.fetchall()
        database.close()
        found: dict[str, set[str]] = {}
        for match_id, player_id in rows:
            found.setdefault(match_id, set()).add(player_id)
        if len(found) >= expect or time.perf_counter() > deadline:
            return found
        time.sleep(0.02)


def _right_matches(players: list[Player], matches: dict[str, set[str]]) -> int:
    """Matches of which both players are in exactly one, and both were told just this one."""
    told = {player.id: player.match["id"] if player.match else None for player in players}
    times = {player.id: 0 for player in players}
    for members in matches.values():
        for member in members:
            times[member] += 1
    return sum(
        len(members) == 2 and all(times[m] == 1 and told[m] == match_id for m in members)
        for match_id, members in matches.items()
    )


def run_latency(stack: Any, *, pairs: int = 250, joins_per_second: float = 50.0) -> dict[str, Any]:
    """From the second player's join (sent) to both having read `matched`, at 50 joins a second."""
    # Far apart from pair to pair, so that each player has exactly one possible opponent.
    players = make_players(stack, pairs * 2, rating_of=lambda place: 1000 * (place // 2))
    seconds = uvloop.run(_pairs_one_by_one(players, 2 / joins_per_second))
    seconds.sort()
    return {
        "pairs": len(seconds),
        "median_ms": seconds[len(seconds) // 2] * 1000,
        "p95_ms": seconds[int(0.95 * len(seconds))] * 1000,
        "p99_ms": seconds[int(0.99 * len(seconds))] * 1000,
        "mean_ms": sum(seconds) / len(seconds) * 1000,
    }


async def _pairs_one_by_one(players: list[Player], interval_seconds: float) -> list[float]:
    await asyncio.gather(*(player.open() for player in players))
    begin = time.perf_counter()

    async def pair(place: int, one: Player, other: Player) -> float:
        await asyncio.sleep(max(0.0, begin + place * interval_seconds - time.perf_counter()))
        await one.join()
        await asyncio.sleep(interval_seconds / 2)
        sent = time.perf_counter()
        await other.join()
        await asyncio.gather(one.poll(0.004), other.poll(0.004))
        one.close()
        other.close()
        assert one.match is not None
        assert other.match is not None
        assert one.match["id"] == other.match["id"]
        return max(one.told_at, other.told_at) - sent

    couples = enumerate(zip(players[::2], players[1::2], strict=True))
    return await asyncio.gather(*(pair(place, one, other) for place, (one, other) in couples))
