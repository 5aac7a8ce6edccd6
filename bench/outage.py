"""Redis dies, or falls silent: what joins cost meanwhile, how soon players are matched, how soon it is over.

Web alone, without workers: nothing of Celery runs while the broker is away.
"""

import asyncio
import json
import os
import signal
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.joins import access_token, served
from bench.load import Connection, request_bytes
from bench.stores import make_players
from devstack.embedded import RedisServer

#: Joins a second, each of another player; how long each outage lasts, seconds.
JOINS_PER_SECOND = 20
OUTAGE_SECONDS = 10.0
#: Seconds after which every process has noticed.
NOTICED_SECONDS = 3.0
ASKS_EVERY_SECONDS = 0.5


@dataclass
class Seen:
    """Joins as (seconds since the outage began, seconds that the answer took, status)."""

    joins: list[tuple[float, float, int]] = field(default_factory=list)
    matched_after: list[float] = field(default_factory=list)


def run(*, environment: dict[str, str], redis: RedisServer) -> dict[str, Any]:
    """Figures of two outages: killed (connections are refused) and stopped (connections hang)."""
    players = [str(uuid.uuid4()) for _ in range(1_000)]
    make_players(environment, players)
    tokens = iter([access_token(player, environment["SECRET_KEY"]) for player in players])
    results = {}
    with served("caroud.wsgi:application", environment) as (port, _):
        asyncio.run(_joins(port, tokens, Seen(), seconds=3.0))
        for name, begin, end in (
            ("killed", lambda: os.kill(_pid(redis), signal.SIGKILL), redis.start),
            ("silent", lambda: os.kill(_pid(redis), signal.SIGSTOP), lambda: os.kill(_pid(redis), signal.SIGCONT)),
        ):
            seen = Seen()
            begin()
            asyncio.run(_joins(port, tokens, seen, seconds=OUTAGE_SECONDS))
            end()
            results[name] = {**_figures(seen), "home_after_s": asyncio.run(_seconds_until_home(port))}
    return results


def _pid(redis: RedisServer) -> int:
    return int(redis.pid_file.read_text().split()[0])


def _figures(seen: Seen) -> dict[str, Any]:
    first = [took for at, took, _ in seen.joins if at <= NOTICED_SECONDS]
    later = sorted(took for at, took, _ in seen.joins if at > NOTICED_SECONDS)
    statuses = [status for _, _, status in seen.joins]
    return {
        "joins": len(seen.joins),
        "answers": {str(status): statuses.count(status) for status in sorted(set(statuses))},
        "slowest_join_ms": max(took for _, took, _ in seen.joins) * 1000,
        "slowest_in_the_first_3_s_ms": max(first) * 1000,
        "later_p50_ms": later[len(later) // 2] * 1000,
        "later_p99_ms": later[int(0.99 * len(later))] * 1000,
        "matched": len(seen.matched_after),
        "longest_from_join_to_match_s": max(seen.matched_after, default=None),
    }


async def _joins(port: int, tokens: Iterator[str], seen: Seen, *, seconds: float) -> None:
    """Players join one after the other, all of one rating, and ask until they are matched."""
    begin = time.perf_counter()

    async def one(token: str, due: float) -> None:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        connection = Connection("127.0.0.1", port)
        sent = time.perf_counter()
        join = request_bytes("POST", "/api/matchmaking/join/", token=token, body=b"{}")
        status, _ = await connection.send(join)
        seen.joins.append((sent - begin, time.perf_counter() - sent, status))
        ask = request_bytes("GET", "/api/matchmaking/status/", token=token)
        while status == 200 and time.perf_counter() < begin + seconds:
            await asyncio.sleep(ASKS_EVERY_SECONDS)
            asked, body = await connection.send(ask)
            if asked == 200 and json.loads(body)["status"] == "matched":
                seen.matched_after.append(time.perf_counter() - sent)
                break
        connection.close()

    count = int(seconds * JOINS_PER_SECOND)
    await asyncio.gather(*(one(next(tokens), begin + place / JOINS_PER_SECOND) for place in range(count)))


async def _seconds_until_home(port: int) -> float:
    begin = time.perf_counter()
    connection = Connection("127.0.0.1", port)
    while time.perf_counter() < begin + 30:
        status, body = await connection.send(request_bytes("GET", "/api/matchmaking/stats/"))
        if status == 200 and json.loads(body)["mode"] == "redis":
            break
        await asyncio.sleep(0.1)
    connection.close()
    return time.perf_counter() - begin
