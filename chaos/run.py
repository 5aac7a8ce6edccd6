"""One run: the stack starts, players and servers play under faults, everybody goes home, and the evidence is read.

1. Start the stack, register servers and players.
2. Play, while the schedule's faults come and go, each at its moment.
3. Heal everything; no new joins; who waits is matched or leaves, who plays plays to the end.
4. Read PostgreSQL and Redis.
"""

import asyncio
import random
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chaos import settings
from chaos.client import Client
from chaos.evidence import await_rest, read_history, read_keys
from chaos.faults import Scene, strike
from chaos.log import RunLog
from chaos.players import Player, Weather
from chaos.records import Evidence, Limits, Mode
from chaos.schedule import Planned
from chaos.servers import GameServer, Studio
from chaos.squads import Member, Squad
from chaos.stack import ChaosStack

#: Seconds without a heartbeat after which a server is lost, in this run.
HEARTBEAT_TTL_SECONDS = 8.0
#: Seconds after a fault within which matching has to be back.
RESUME_SECONDS = 15.0
#: As the timetable of Celery has it.
REAP_INTERVAL_SECONDS = 2.0
#: Of a ticket that nobody asks for: in a long run, and in one of under a minute.
TICKET_TTL_SECONDS, SHORT_TICKET_TTL_SECONDS = 60.0, 15.0
_SHORT_RUN_SECONDS = 120.0
_REGIONS = ("eu", "us", "asia")
#: Seconds between two looks at the service's mode.
_MODE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Cast:
    """How big the run is."""

    players: int
    servers: int
    seats_per_server: int
    seconds: float
    seed: int
    #: Players of the queue of parties, beside the others.
    squad_players: int = 0

    @property
    def is_short(self) -> bool:
        return self.seconds < _SHORT_RUN_SECONDS

    @property
    def ticket_ttl_seconds(self) -> float:
        return SHORT_TICKET_TTL_SECONDS if self.is_short else TICKET_TTL_SECONDS

    @property
    def last_match_seconds(self) -> float:
        """How long players wait for a match when play is over."""
        return settings.SHORT_LAST_MATCH_SECONDS if self.is_short else settings.LAST_MATCH_SECONDS


def run(cast: Cast, schedule: list[Planned], folder: Path, say: Callable[[str], None]) -> Evidence:
    """All of it; the folder holds the logs of the stack, and `events.jsonl`."""
    # All players and servers have one address here.
    environment = {"HEARTBEAT_TTL_SECONDS": str(HEARTBEAT_TTL_SECONDS), "RATE_LIMIT_ADDRESS": "off"}
    stack = ChaosStack(folder, ticket_ttl_seconds=cast.ticket_ttl_seconds, say=say, settings=environment)
    try:
        stack.start()
        with RunLog(folder / "events.jsonl") as log:
            return asyncio.run(_Evening(cast, schedule, stack, log, say).spend())
    finally:
        stack.stop()


class _Evening:
    """The run, once the stack stands."""

    def __init__(
        self, cast: Cast, schedule: list[Planned], stack: ChaosStack, log: RunLog, say: Callable[[str], None]
    ) -> None:
        self._cast, self._schedule, self._stack, self._log, self._say = cast, schedule, stack, log, say
        self._weather = Weather()
        self._studio = Studio(fleet_key=stack.fleet_key, port=stack.api_port, log=log, dice=self._dice("studio"))
        name = secrets.token_hex(3)
        self._servers = [self._make_server(number) for number in range(cast.servers)]
        self._players = [self._make_player(f"chaos-{name}-{number}", number) for number in range(cast.players)]
        self._squads = self._make_squads(name)
        self._everybody: list[Player | Squad] = [*self._players, *self._squads]

    async def spend(self) -> Evidence:
        beating = [asyncio.create_task(server.run()) for server in self._servers]
        looking = asyncio.create_task(self._watch_mode())
        await self._register()
        began = time.time()
        until = began + self._cast.seconds
        self._say(f"{self._cast.players} players play for {self._cast.seconds:.0f} s, {len(self._schedule)} faults")
        playing = [asyncio.create_task(squad.play(until)) for squad in self._squads]
        playing += [asyncio.create_task(player.play(until)) for player in self._players]
        scene = Scene(self._stack, self._players, self._servers, self._weather)
        striking = asyncio.create_task(strike(scene, self._schedule, began, self._log, self._say))
        await self._watch(striking, playing)
        play_ended = time.time()
        self._say("everybody has gone home")
        await asyncio.to_thread(await_rest, self._stack.postgres.url, seconds=settings.LAST_RESULTS_SECONDS)
        self._say("all matches have ended; reading what is left")
        for task in (looking, *beating):
            task.cancel()
        await asyncio.gather(looking, *beating, return_exceptions=True)
        for player in self._everybody:
            player.close()
        for server in self._servers:
            server.close()
        return await asyncio.to_thread(self._read, min(until, play_ended))

    async def _register(self) -> None:
        places = asyncio.Semaphore(settings.REGISTRATIONS_AT_ONCE)

        async def one(player: Player | Squad) -> None:
            async with places:
                await player.register()

        self._say(f"{len(self._players)} players register")
        await asyncio.gather(*(one(player) for player in self._everybody))

    async def _watch(self, striking: "asyncio.Task[None]", playing: "list[asyncio.Task[None]]") -> None:
        """Until all have gone home. A fault of the harness ends the run, it is never an empty log."""
        tasks = {striking, *playing}
        while tasks:
            done, tasks = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()

    async def _watch_mode(self) -> None:
        """Write down which store the service says it uses, where it says so."""
        client = Client(self._stack.api_port)
        while True:
            answer = await client.call("GET", "/readyz")
            if isinstance(answer.body.get("mode"), str):
                self._log.write(Mode(answer.told, answer.body["mode"]))
            await asyncio.sleep(_MODE_SECONDS)

    def _read(self, play_ended: float) -> Evidence:
        log = self._log
        rows, ratings = read_history(self._stack.postgres.url)
        client = self._stack.redis.primary.client()
        keys = read_keys(client)
        client.close()
        return Evidence(
            limits=Limits(
                ticket_ttl_seconds=self._cast.ticket_ttl_seconds,
                heartbeat_ttl_seconds=HEARTBEAT_TTL_SECONDS,
                reap_interval_seconds=REAP_INTERVAL_SECONDS,
                resume_seconds=RESUME_SECONDS,
                capacities={server.name: server.capacity for server in self._servers},
            ),
            told=log.told,
            beats=log.beats,
            faults=log.faults,
            deaths=log.deaths,
            modes=log.modes,
            seen=log.seen,
            parties=[tuple(one.id for one in squad.members) for squad in self._squads if len(squad.members) > 1],
            rows=rows,
            ratings=ratings,
            keys=keys,
            play_ended=play_ended,
        )

    def _dice(self, name: str) -> random.Random:
        return random.Random(f"{self._cast.seed} {name}")

    def _make_server(self, number: int) -> GameServer:
        region = _REGIONS[number % len(_REGIONS)]
        return GameServer(
            name=f"{region}-{number}",
            region=region,
            capacity=self._cast.seats_per_server,
            fleet_key=self._stack.fleet_key,
            port=self._stack.api_port,
            log=self._log,
            dice=self._dice(f"server {number}"),
        )

    def _make_squads(self, name: str) -> list[Squad]:
        """Every second one a party of two."""
        squads: list[Squad] = []
        left = self._cast.squad_players
        while left > 0:
            number = len(squads)
            size = min(left, 1 + number % 2)
            left -= size
            names = [f"chaos-{name}-squad-{number}-{member}" for member in range(size)]
            members = [Member(username, self._stack.api_port, self._log) for username in names]
            dice = self._dice(f"squad {number}")
            squads.append(Squad(members, dice, self._cast.last_match_seconds, self._studio.host))
        return squads

    def _make_player(self, username: str, number: int) -> Player:
        return Player(
            username=username,
            port=self._stack.api_port,
            log=self._log,
            dice=self._dice(f"player {number}"),
            weather=self._weather,
            ticket_ttl_seconds=self._cast.ticket_ttl_seconds,
            last_match_seconds=self._cast.last_match_seconds,
            host_match=self._studio.host,
        )
