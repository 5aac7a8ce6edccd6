"""One evening: servers open, players register, play, go home; servers close."""

import asyncio
import math
import random
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from rich.console import Console

from demo.api import Api, Unreachable
from demo.figures import joins_of, percentile
from demo.history import History
from demo.players import Phase, SimulatedPlayer
from demo.population import make_parties, parties_of, queues_of_players
from demo.reach import Reach
from demo.records import Evidence, MatchRow, PlayLog, SqlCounters
from demo.report import watched
from demo.servers import SimulatedServer, Studio
from demo.settings import (
    HISTORY_SECONDS,
    LAST_MATCHES_SECONDS,
    PROFILES_AT_ONCE,
    REGIONS,
    REGISTRATIONS_AT_ONCE,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """How many, for how long, and from which dice."""

    players: int
    servers: int
    play_seconds: float
    seed: int

    @property
    def seats_per_server(self) -> int:
        """All servers together have a seat for every match that can be live at once."""
        return max(1, math.ceil(self.players / 2 / self.servers))


@dataclass(slots=True)
class Evening:
    """What an evening leaves behind."""

    log: PlayLog = field(default_factory=PlayLog)
    matches: tuple[MatchRow, ...] = ()
    sql: SqlCounters = field(default_factory=lambda: SqlCounters(0, 0))
    began_seconds: float = 0.0
    ended_seconds: float = 0.0

    @property
    def evidence(self) -> Evidence:
        log = self.log
        return Evidence(
            player_ids=frozenset(log.true_strengths),
            told=tuple(log.told),
            heartbeats=tuple(log.heartbeats),
            calls=tuple(log.calls),
            profiles=tuple(log.profiles),
            matches=self.matches,
            parties=tuple(log.parties),
        )


async def spend_evening(plan: Plan, reach: Reach, console: Console) -> Evening:
    """In order: 1. servers register, 2. players register and make parties, 3. all play, 4. servers close, 5. read what
    remains."""
    evening, history = Evening(), History(reach.database_url)
    servers, studio, players = _cast(plan, reach, evening.log)
    for player, queues in zip(players, queues_of_players(plan.players, await _known_queues(studio)), strict=True):
        player.queues = queues
    await asyncio.gather(*(server.register() for server in servers))
    running = [asyncio.create_task(server.run()) for server in servers]
    await _register(players, console)
    evening.log.queues = {player.id: player.queues for player in players}
    parties = parties_of(players)
    await make_parties(parties)
    evening.log.parties = [frozenset(player.id for player in party) for party in parties]
    if history.count_players([players[0].id]) == 0:
        raise Unreachable("DATABASE_URL leads to another database than the one that the API writes to")
    before = history.counters()
    evening.began_seconds = time.monotonic()
    await _play(plan, players, evening, console)
    evening.ended_seconds = time.monotonic()
    await asyncio.gather(*(server.close() for server in servers), *running, studio.close())
    after = history.counters()
    evening.sql = SqlCounters(after.transactions - before.transactions, after.rows_written - before.rows_written)
    await _at_most(PROFILES_AT_ONCE, [player.read_profile for player in players])
    await asyncio.gather(*(player.close() for player in players))
    told_match_ids = {told.match_id for told in evening.log.told if told.match_id}
    evening.matches = history.await_matches(list(evening.log.true_strengths), told_match_ids, seconds=HISTORY_SECONDS)
    return evening


def _cast(plan: Plan, reach: Reach, log: PlayLog) -> tuple[list[SimulatedServer], Studio, list[SimulatedPlayer]]:
    """Everybody of the evening, each with dice of their own; the names are of this run only."""
    run = secrets.token_hex(3)

    def dice(name: str) -> random.Random:
        return random.Random(f"{plan.seed} {name}")

    def api() -> Api:
        return Api(reach.api_url, log)

    servers = [
        SimulatedServer(
            registration=_registration(number, run, plan.seats_per_server),
            fleet_key=reach.fleet_key,
            api=api(),
            log=log,
            dice=dice(f"server {number}"),
        )
        for number in range(plan.servers)
    ]
    studio = Studio(fleet_key=reach.fleet_key, api=api(), log=log, dice=dice("studio"))
    players = [
        SimulatedPlayer(
            username=f"demo-{run}-{number}",
            api=api(),
            log=log,
            dice=dice(f"player {number}"),
            host_match=studio.host,
        )
        for number in range(plan.players)
    ]
    return servers, studio, players


def _registration(number: int, run: str, capacity: int) -> dict[str, object]:
    region = REGIONS[number % len(REGIONS)]
    return {
        "id": f"demo-{run}-{region}-{number}",
        "host": f"{region}-{number}.games.example",
        "port": 7777,
        "region": region,
        "capacity": capacity,
    }


async def _known_queues(studio: Studio) -> set[str]:
    stats = await studio.api.call("GET", "matchmaking/stats/")
    return set(stats.body.get("queues", {}))


async def _register(players: list[SimulatedPlayer], console: Console) -> None:
    def done() -> tuple[float, str]:
        registered = sum(player.id != "" for player in players)
        return registered, f"{registered} of {len(players)}"

    async with watched(console, "players register", len(players), done):
        await _at_most(REGISTRATIONS_AT_ONCE, [player.register for player in players])


async def _play(plan: Plan, players: list[SimulatedPlayer], evening: Evening, console: Console) -> None:
    """Play, then give the last matches time to end; whoever is still in one is sent home."""
    until_seconds = evening.began_seconds + plan.play_seconds

    def done() -> tuple[float, str]:
        passed = min(time.monotonic() - evening.began_seconds, plan.play_seconds)
        return passed, f"{passed:.0f} of {plan.play_seconds:.0f} s  {line_of(players, evening.log)}"

    async with watched(console, "playing", plan.play_seconds, done):
        playing = [asyncio.create_task(player.play(until_seconds)) for player in players]
        finished, late = await asyncio.wait(playing, timeout=plan.play_seconds + LAST_MATCHES_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        faults = [fault for task in finished if (fault := task.exception())]
        if faults:
            raise faults[0]


def line_of(players: Iterable[SimulatedPlayer], log: PlayLog) -> str:
    """The evening so far, in one line."""
    phases = Counter(player.phase for player in players)
    matches = len({told.match_id for told in log.told if told.match_id})
    p95_seconds = percentile(log.waits_seconds, 0.95)
    return (
        f"waiting {phases[Phase.WAITING]}, in a match {phases[Phase.PLAYING]}, joins {joins_of(log.told)}, "
        f"matches {matches}, p95 wait {'-' if p95_seconds is None else f'{p95_seconds:.1f} s'}"
    )


async def _at_most(count: int, calls: list[Callable[[], Awaitable[None]]]) -> None:
    """All of them, `count` at a time."""
    places = asyncio.Semaphore(count)

    async def one(call: Callable[[], Awaitable[None]]) -> None:
        async with places:
            await call()

    await asyncio.gather(*(one(call) for call in calls))
