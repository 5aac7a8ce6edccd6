"""The PostgreSQL store beside the Redis store: the same calls by HTTP, the same rounds, in one run.

What the deployment guide promises of Redis against PostgreSQL (20-30 times faster, 10,000+ players against 100) is
measured here, whatever comes out.
"""

import asyncio
import itertools
import time
import uuid
from statistics import median
from typing import Any

import psycopg2

from bench.joins import access_token, cpu_seconds, served
from bench.load import Answers, Connection, request_bytes, run_load
from datastore.client import connect

STORES = ("redis", "postgres")
PLAYERS = 4_000
CONNECTIONS = 32
SECONDS = 4.0
#: Seconds between two questions of a waiting player, as the API's documents advise.
ASKS_EVERY_SECONDS = 2.0
#: Milliseconds. The guide's measure: the latency at which PostgreSQL is said to be at its end.
SLOWEST_MS = 100.0
CROWDS = (100, 250, 500, 1_000, 2_000, 4_000, 6_000, 8_000, 10_000)
#: Connections that a crowd shares; a player does not keep one busy.
CROWD_CONNECTIONS = 400


def run(*, environment: dict[str, str], repeats: int = 3, crowds: tuple[int, ...] = CROWDS) -> dict[str, Any]:
    """Requests/s, server CPU and latency of join and status in both stores; players until p99 is above 100 ms."""
    players = [str(uuid.uuid4()) for _ in range(PLAYERS)]
    _make_players(environment, players)
    tokens = [access_token(player, environment["SECRET_KEY"]) for player in players]
    measured: dict[str, dict[str, list[dict[str, float]]]] = {store: {"join": [], "status": []} for store in STORES}
    most: dict[str, int] = {}
    with served("caroud.wsgi:application", environment) as (port, service):
        for turn in range(repeats + 1):
            for store in STORES:
                _forget_tickets(environment)
                for call, requests in _requests(store, tokens).items():
                    figures = _measure(port, service, requests, seconds=SECONDS if turn else 1.0)
                    if turn:
                        measured[store][call].append(figures)
        for store in STORES:
            _forget_tickets(environment)
            _fill(port, store, tokens)
            most[store] = _players_until_slow(port, _requests(store, tokens)["status"], crowds)
    best = {
        store: {call: max(runs, key=lambda run: run["per_second"]) for call, runs in calls.items()}
        for store, calls in measured.items()
    }
    return {
        **best,
        "redis_to_postgres": {
            call: best["redis"][call]["per_second"] / best["postgres"][call]["per_second"]
            for call in ("join", "status")
        },
        "players_until_p99_above_100_ms": most,
    }


def _requests(store: str, tokens: list[str]) -> dict[str, list[bytes]]:
    path = f"/api/matchmaking/{store}"
    return {
        "join": [request_bytes("POST", f"{path}/join/", token=token, body=b'{"queue":"ranked"}') for token in tokens],
        "status": [request_bytes("GET", f"{path}/status/", token=token) for token in tokens],
    }


def _measure(port: int, service: Any, requests: list[bytes], *, seconds: float) -> dict[str, float]:
    before = cpu_seconds(service)
    answers = asyncio.run(
        run_load("127.0.0.1", port, itertools.cycle(requests), connections=CONNECTIONS, seconds=seconds)
    )
    assert set(answers.statuses) == {200}, answers.statuses
    return {
        "per_second": answers.per_second,
        "cpu_ms_a_request": (cpu_seconds(service) - before) * 1000 / len(answers.latencies),
        "p50_ms": answers.percentile_ms(0.50),
        "p99_ms": answers.percentile_ms(0.99),
    }


def _fill(port: int, store: str, tokens: list[str]) -> None:
    """Everybody waits."""
    joins = iter(_requests(store, tokens)["join"])
    asyncio.run(run_load("127.0.0.1", port, joins, connections=CONNECTIONS))


def _players_until_slow(port: int, statuses: list[bytes], crowds: tuple[int, ...]) -> int:
    """The largest crowd whose p99 stays within 100 ms, each player asking every two seconds; 0 where none does."""
    most = 0
    for crowd in crowds:
        answers = asyncio.run(_ask_at_a_rate(port, statuses, crowd / ASKS_EVERY_SECONDS))
        if answers.percentile_ms(0.99) > SLOWEST_MS:
            break
        most = crowd
    return most


async def _ask_at_a_rate(port: int, requests: list[bytes], per_second: float, seconds: float = 5.0) -> Answers:
    """Questions that come when they come: each is due at its time, and late answers do not hold up the next."""
    answers = Answers()
    connections: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(CROWD_CONNECTIONS):
        connections.put_nowait(Connection("127.0.0.1", port))
    begin = time.perf_counter()

    async def ask(place: int, request: bytes) -> None:
        due = begin + place / per_second
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        connection = await connections.get()
        status, _ = await connection.send(request)
        answers.latencies.append(time.perf_counter() - due)
        answers.statuses[status] = answers.statuses.get(status, 0) + 1
        connections.put_nowait(connection)

    count = int(per_second * seconds)
    await asyncio.gather(*(ask(place, requests[place % len(requests)]) for place in range(count)))
    answers.seconds = time.perf_counter() - begin
    while not connections.empty():
        connections.get_nowait().close()
    return answers


def _make_players(environment: dict[str, str], players: list[str]) -> None:
    """Ratings where each store looks for them, so that no join has to ask."""
    client = connect(environment["REDIS_URL"])
    with client.pipeline(transaction=False) as pipeline:
        for player in players:
            pipeline.hset(f"players:ratings:{player}", mapping={"ranked": "1200.0"})
        pipeline.set("matchmaking:incarnation", "bench")
        pipeline.execute()
    client.connection_pool.disconnect()
    with psycopg2.connect(environment["DATABASE_URL"]) as database, database.cursor() as cursor:
        cursor.execute(
            """INSERT INTO players_player (id, username, password, is_superuser, is_staff, is_active, first_name,
                   last_name, email, date_joined, external_subject)
               SELECT id, 'bench-' || id, '!', false, false, true, '', '', '', now(), ''
               FROM unnest(%s::uuid[]) AS p (id)""",
            (players,),
        )
        cursor.execute(
            """INSERT INTO players_rating (player_id, queue, rating, games, wins, losses, draws)
               SELECT id, 'ranked', 1200, 0, 0, 0, 0 FROM unnest(%s::uuid[]) AS p (id)""",
            (players,),
        )
    database.close()


def _forget_tickets(environment: dict[str, str]) -> None:
    """So that the next joins are new ones, in either store."""
    client = connect(environment["REDIS_URL"])
    for key in client.scan_iter(match="matchmaking:*", count=5000):
        if key != "matchmaking:incarnation":
            client.delete(key)
    client.connection_pool.disconnect()
    with psycopg2.connect(environment["DATABASE_URL"]) as database, database.cursor() as cursor:
        cursor.execute("DELETE FROM matchmaking_ticket")
    database.close()


def run_rounds(*, redis_url: str, sizes: tuple[int, ...] = (1_000, 10_000), repeats: int = 3) -> dict[str, Any]:
    """Seconds from snapshot to stored matches, and SQL statements a match, in both stores."""
    from bench.store_rounds import a_round  # noqa: PLC0415 - loads Django's models, which have to be set up first

    results: dict[str, Any] = {}
    for size in sizes:
        runs = {store: [a_round(store, redis_url, size, seed) for seed in range(repeats)] for store in STORES}
        results[str(size)] = {
            store: {name: median(one[name] for one in found) for name in found[0]} for store, found in runs.items()
        }
        by_store = results[str(size)]
        by_store["postgres_to_redis"] = by_store["postgres"]["stored_s"] / by_store["redis"]["stored_s"]
    return results
