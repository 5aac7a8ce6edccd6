"""What is done to the stack. Each kind: what it does, how long it may last, and its code, which undoes it at the end.

A kind comes back when the harness has undone it; from then on the service has its time to recover.
"""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import psutil

from chaos import settings
from chaos.log import RunLog
from chaos.players import Player, Weather
from chaos.records import Fault
from chaos.schedule import Planned
from chaos.servers import GameServer
from chaos.stack import POSTGRES, REDIS, REPLICA_BEHIND_SECONDS, REPLICATION, TIMED_PROGRAMS, ChaosStack
from chaos.stores import KillableRedis, send_signal, tree_of

#: Where a round stands still, see backend/crash_points.py: it has seen the tickets, and has not claimed them.
STALL_POINT = "before claim"
#: Seconds, and how often: long enough for a player to leave meanwhile, shorter than the lease of a round.
_STALL_SECONDS = 0.4
_STALLS = 30
#: The named points of a round at which its process dies.
CRASH_POINTS = ("after claim", "before the insert", "before the notice", "after the notice")
#: Of replies that are dropped: enough to hit many calls, few enough that some come through.
_DROPPED_SHARE = 0.15
#: Leaves that a player sends at once in a flood.
_FLOOD = 6
#: Seconds that a replica follows its primary before it has to replace it.
_FOLLOW_SECONDS = 1.0
#: Seconds for which writes are held back in a planned failover; the replica is 0.3 s behind.
_HANDOVER_SECONDS = 0.6
#: Seconds of silence after which a server that died comes back: longer than its heartbeat lives.
_DEATH_SECONDS = 20.0
_LOOK_SECONDS = 0.05
#: Seconds for which a round stands still while the stores are switched: shorter than its lease.
_SWITCH_SECONDS = 2.0
#: Rounds that do: those of one queue alone may have seen few players.
_ROUNDS_HELD = 3
#: Seconds after Redis is back for players without their signed tickets: longer than coming home takes.
_UNSHOWN_SECONDS = 4.0
#: Seconds between the death of a round and the loss of what it had claimed: long enough for a player to ask, shorter
#: than the sweep's interval.
_WIPE_AFTER_SECONDS = 0.6
#: Seconds beyond the planned ones for a round to pass a crash point: none runs while workers recover.
_CRASH_PATIENCE_SECONDS = 7.0
#: Seconds by which a clock jumps: longer than tickets, heartbeats, leases and matches live here.
_JUMP_SECONDS = (150.0, 1200.0)
#: Seconds between the end of a fault that took longer than planned and the next one.
_BREATH_SECONDS = 2.0


class Scene:
    """All that a fault can reach."""

    def __init__(
        self, stack: ChaosStack, players: Sequence[Player], servers: Sequence[GameServer], weather: Weather
    ) -> None:
        self.stack, self.players, self.servers, self.weather = stack, players, servers, weather
        #: When the fault began for the service; kinds that have to prepare something set it.
        self.began = 0.0

    @property
    def redis(self) -> KillableRedis:
        """The Redis that everybody uses now."""
        return self.stack.redis.primary

    def begin(self) -> None:
        self.began = time.time()

    async def order(self, proxies: Sequence[str], what: str, **options: Any) -> None:
        assert self.stack.proxies is not None
        await asyncio.to_thread(self.stack.proxies.order, proxies, what, **options)

    async def ask_redis(self, *command: str | int) -> Any:
        return await asyncio.to_thread(self.redis.ask, *command)


Strike = Callable[[Scene, Planned], Awaitable[str | None]]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault. `strike` answers a detail for the log, or None where nothing came of it."""

    name: str
    seconds: tuple[float, float]
    strike: Strike


KINDS: dict[str, Kind] = {}


def _kind(name: str, least: float = 0.0, most: float = 0.0) -> Callable[[Strike], Strike]:
    def note(strike: Strike) -> Strike:
        KINDS[name] = Kind(name, (least, most), strike)
        return strike

    return note


async def strike(
    scene: Scene, schedule: Sequence[Planned], began: float, log: RunLog, say: Callable[[str], None]
) -> None:
    """Every fault of the schedule at its moment, one after another."""
    for number, planned in enumerate(schedule, 1):
        breath = _BREATH_SECONDS if number > 1 else 0.0
        await asyncio.sleep(max(breath, began + planned.at - time.time()))
        scene.begin()
        detail = await KINDS[planned.kind].strike(scene, planned)
        fault = Fault(log.next_line(), planned.kind, scene.began, time.time(), detail or "", detail is not None)
        log.write(fault)
        lasted = fault.ended - fault.began
        outcome = "" if fault.has_happened else ", nothing came of it"
        say(f"{number:3} {fault.began - began:6.1f} s  {planned.kind} ({lasted:.1f} s{outcome}) {fault.detail}")


# --- Redis ---------------------------------------------------------------------------------------------


async def _kill_redis(scene: Scene, planned: Planned) -> str:
    await asyncio.to_thread(scene.redis.kill)
    await asyncio.sleep(planned.seconds)
    await asyncio.to_thread(scene.redis.start)
    return "kill -9, back with its append-only file"


_kind("redis_kill_short", 0.05, 2.0)(_kill_redis)
_kind("redis_kill_long", 4.0, 8.0)(_kill_redis)
_kind("redis_away", 20.0, 60.0)(_kill_redis)


@_kind("redis_restarts_empty", 0.3, 2.0)
async def _restart_empty(scene: Scene, planned: Planned) -> str:
    await asyncio.to_thread(scene.redis.kill)
    await asyncio.sleep(planned.seconds)
    await asyncio.to_thread(scene.redis.wipe)
    await asyncio.to_thread(scene.redis.start)
    return "kill -9, back without its data"


@_kind("redis_flushall")
async def _flushall(scene: Scene, planned: Planned) -> str:
    await scene.ask_redis("FLUSHALL")
    return "everything deleted"


async def _start_replica(scene: Scene) -> None:
    assert scene.stack.proxies is not None
    await asyncio.to_thread(scene.stack.redis.start_replica, scene.stack.proxies.ports[REPLICATION])
    await asyncio.sleep(_FOLLOW_SECONDS)
    scene.begin()


async def _aim_at_primary(scene: Scene) -> None:
    await scene.order([*REDIS, REPLICATION], "aim", host="127.0.0.1", port=scene.redis.port)


@_kind("redis_promotion", 0.2, 1.0)
async def _promotion(scene: Scene, planned: Planned) -> str:
    """The primary dies, and what replaces it has never heard of its last 0.3 s."""
    await _start_replica(scene)
    await scene.order([REPLICATION], "refuse")  # what is on its way is lost with the primary
    await asyncio.to_thread(scene.redis.kill)
    await asyncio.sleep(planned.seconds)
    await asyncio.to_thread(scene.stack.redis.promote)
    await _aim_at_primary(scene)
    await scene.order([REPLICATION], "delay", seconds=REPLICA_BEHIND_SECONDS)
    return "a replica 0.3 s behind became the primary"


@_kind("redis_failover", 0.2, 1.5)
async def _failover(scene: Scene, planned: Planned) -> str:
    """A planned one loses nothing, but for a while everybody talks to a primary that has become a replica."""
    await _start_replica(scene)
    pair = scene.stack.redis
    await scene.ask_redis("CLIENT", "PAUSE", round(_HANDOVER_SECONDS * 1000) + 200, "WRITE")
    await asyncio.sleep(_HANDOVER_SECONDS)
    await asyncio.to_thread(pair.promote)
    await asyncio.to_thread(pair.spare.ask, "CONFIG", "SET", "masterauth", pair.primary.password)
    await asyncio.to_thread(pair.spare.ask, "REPLICAOF", "127.0.0.1", pair.primary.port)
    await asyncio.sleep(planned.seconds)
    await _aim_at_primary(scene)
    await asyncio.to_thread(pair.spare.kill)
    return "the old primary became a replica, connections stayed on it"


@_kind("redis_script_flush", 0.5, 2.0)
async def _script_flush(scene: Scene, planned: Planned) -> str:
    until, times = time.time() + planned.seconds, 0
    while time.time() < until:
        await scene.ask_redis("SCRIPT", "FLUSH")
        times += 1
        await asyncio.sleep(0.2)
    return f"scripts forgotten {times} times"


@_kind("redis_client_pause", 0.5, 3.0)
async def _client_pause(scene: Scene, planned: Planned) -> str:
    await scene.ask_redis("CLIENT", "PAUSE", round(planned.seconds * 1000), "ALL")
    await asyncio.sleep(planned.seconds)
    return "CLIENT PAUSE"


@_kind("redis_maxmemory", 1.5, 5.0)
async def _maxmemory(scene: Scene, planned: Planned) -> str:
    await scene.ask_redis("CONFIG", "SET", "maxmemory", 500_000)
    await asyncio.sleep(planned.seconds)
    await scene.ask_redis("CONFIG", "SET", "maxmemory", 0)
    return "writes are refused: out of memory"


# --- The lines to the stores ---------------------------------------------------------------------------


def _line_fault(name: str, proxies: Sequence[str], what: str, least: float, most: float, **options: Any) -> None:
    async def strike_line(scene: Scene, planned: Planned) -> str:
        await scene.order(proxies, what, **options)
        await asyncio.sleep(planned.seconds)
        await scene.order(proxies, "pass")
        return f"{what} on {', '.join(proxies)}"

    _kind(name, least, most)(strike_line)


_line_fault("redis_freeze", REDIS, "freeze", 5.0, 10.0)
_line_fault("redis_stall", REDIS, "stall", 2.0, 6.0)
_line_fault("redis_reset", REDIS, "reset", 0.0, 0.0)
_line_fault("redis_refuse", REDIS, "refuse", 1.0, 5.0)
_line_fault("redis_drop_replies", REDIS, "drop_replies", 2.0, 4.0, share=_DROPPED_SHARE)
_line_fault("redis_delay", REDIS, "delay", 2.0, 4.0, seconds=0.05)
_line_fault("web_loses_redis", ["web_redis"], "refuse", 3.0, 8.0)
_line_fault("web_redis_stalls", ["web_redis"], "stall", 2.0, 5.0)
_line_fault("workers_lose_redis", ["workers_redis"], "refuse", 3.0, 8.0)
_line_fault("postgres_reset", POSTGRES, "reset", 0.0, 0.0)
_line_fault("postgres_drop_replies", POSTGRES, "drop_replies", 2.0, 4.0, share=_DROPPED_SHARE)
_line_fault("web_loses_postgres", ["web_postgres"], "refuse", 2.0, 5.0)
_line_fault("workers_lose_postgres", ["workers_postgres"], "refuse", 2.0, 5.0)


@_kind("web_loses_redis_in_a_storm", 3.0, 6.0)
async def _leave_without_redis(scene: Scene, planned: Planned) -> str | None:
    """A round has looked when the stores are switched, and claims when most whom it saw have left the other one."""
    if not await _passed(scene, f"{STALL_POINT} for {_SWITCH_SECONDS}", planned.seconds, times=_ROUNDS_HELD):
        return None
    scene.begin()
    await scene.order(["web_redis"], "refuse")
    scene.weather.leave_share = settings.STORM_LEAVE_SHARE
    await asyncio.sleep(planned.seconds)
    scene.weather.leave_share = settings.LEAVE_SHARE
    await scene.order(["web_redis"], "pass")
    return "refuse on web_redis while a round stood still, and most who wait leave"


@_kind("web_loses_redis_unshown", 3.0, 6.0)
async def _come_home_unshown(scene: Scene, planned: Planned) -> str:
    """Nobody helps with a signed ticket when the stand-in's tickets come home."""
    await scene.order(["web_redis"], "refuse")
    await asyncio.sleep(planned.seconds)
    scene.weather.shows_tickets = False
    await scene.order(["web_redis"], "pass")
    await asyncio.sleep(_UNSHOWN_SECONDS)
    scene.weather.shows_tickets = True
    return f"refuse on web_redis; then no ticket is shown for {_UNSHOWN_SECONDS:.0f} s"


# --- PostgreSQL ----------------------------------------------------------------------------------------


@_kind("postgres_kill", 0.2, 3.0)
async def _kill_postgres(scene: Scene, planned: Planned) -> str:
    await asyncio.to_thread(scene.stack.postgres.kill)
    await asyncio.sleep(planned.seconds)
    await asyncio.to_thread(scene.stack.postgres.restart)
    return "kill -9 of all its processes"


@_kind("postgres_stall", 2.0, 8.0)
async def _stall_postgres(scene: Scene, planned: Planned) -> str:
    await asyncio.to_thread(scene.stack.postgres.silence)
    await asyncio.sleep(planned.seconds)
    await asyncio.to_thread(scene.stack.postgres.wake)
    return "SIGSTOP to all its processes"


@_kind("both_away", 1.5, 5.0)
async def _both_away(scene: Scene, planned: Planned) -> str:
    await asyncio.to_thread(scene.redis.kill)
    await asyncio.to_thread(scene.stack.postgres.kill)
    await asyncio.sleep(planned.seconds)
    await asyncio.to_thread(scene.stack.postgres.restart)
    await asyncio.to_thread(scene.redis.start)
    return "kill -9 of Redis and PostgreSQL"


# --- Our own processes ---------------------------------------------------------------------------------


def _processes(scene: Scene, program: str) -> list[psutil.Process]:
    """The program and its children, the program first; none while it is being started."""
    pid = scene.stack.pids().get(program)
    return tree_of(pid) if pid else []


@_kind("worker_kill")
async def _kill_worker(scene: Scene, planned: Planned) -> str | None:
    name = planned.pick(("worker-rounds", "worker-rounds", "worker-reaping"))
    victims = await asyncio.to_thread(_processes, scene, name)
    send_signal(victims, signal.SIGKILL)
    return f"kill -9 of {name} with its {len(victims) - 1} children" if victims else None


@_kind("pool_child_kill")
async def _kill_pool_child(scene: Scene, planned: Planned) -> str | None:
    children = (await asyncio.to_thread(_processes, scene, "worker-rounds"))[1:]
    if not children:
        return None
    send_signal([children[int(planned.choice * len(children))]], signal.SIGKILL)
    return "kill -9 of one process of the rounds worker"


@_kind("web_kill")
async def _kill_web(scene: Scene, planned: Planned) -> str | None:
    processes = await asyncio.to_thread(_processes, scene, "web")
    if not processes:
        return None
    victim = processes[int(planned.choice * len(processes))]
    send_signal([victim], signal.SIGKILL)
    return "kill -9 of the web's parent" if victim is processes[0] else "kill -9 of one web process"


@_kind("beat_kill")
async def _kill_beat(scene: Scene, planned: Planned) -> str | None:
    victims = await asyncio.to_thread(_processes, scene, "beat")
    send_signal(victims, signal.SIGKILL)
    return "kill -9 of beat" if victims else None


@_kind("second_beat", 5.0, 7.0)
async def _second_beat(scene: Scene, planned: Planned) -> str:
    beat = await asyncio.to_thread(scene.stack.start_extra, "second-beat", ["beat", "--loglevel=INFO"])
    await asyncio.sleep(planned.seconds)
    await asyncio.to_thread(scene.stack.end_extra, beat)
    return "a second beat ran beside the first"


@_kind("second_worker", 6.0, 8.0)
async def _second_worker(scene: Scene, planned: Planned) -> str:
    words = ["worker", "--without-gossip", "--without-mingle", "-Q", "rounds", "-c", "2", "-n", "second@%h"]
    worker = await asyncio.to_thread(scene.stack.start_extra, "second-worker", words)
    await asyncio.sleep(planned.seconds)
    send_signal(await asyncio.to_thread(tree_of, worker.pid), signal.SIGKILL)
    await asyncio.to_thread(scene.stack.end_extra, worker)
    return "a second rounds worker ran beside the first, and was killed"


def _clock_fault(name: str, direction: int, programs: Sequence[str]) -> None:
    async def strike_clock(scene: Scene, planned: Planned) -> str | None:
        clocks = scene.stack.clocks
        if not clocks.are_made:
            return None
        program = planned.pick(programs)
        least, most = _JUMP_SECONDS
        seconds = direction * (least + (most - least) * (planned.choice * len(programs) % 1))
        clocks.set(program, seconds)
        await asyncio.sleep(planned.seconds)
        clocks.set(program, 0.0)
        return f"the clock of {program} jumped by {seconds:+.0f} s and back"

    _kind(name, 6.0, 12.0)(strike_clock)


_clock_fault("clock_jumps_ahead", 1, TIMED_PROGRAMS)
_clock_fault("clock_jumps_back", -1, TIMED_PROGRAMS)


async def _passed(scene: Scene, point: str, seconds: float, *, times: int = 1) -> bool:
    """Whether processes passed the point so many times, and died there or stood still, in about this time."""
    file = scene.stack.crash_points
    file.write_text(f"{point}\n" * times)
    until = time.time() + seconds + _CRASH_PATIENCE_SECONDS
    while file.read_text() and time.time() < until:
        await asyncio.sleep(_LOOK_SECONDS)
    is_passed = not file.read_text()
    file.write_text("")
    return is_passed


@_kind("crash_then_wipe", 3.0, 3.0)
async def _crash_then_wipe(scene: Scene, planned: Planned) -> str | None:
    """What a round claimed is lost before anybody could write it: nobody may have been told of it."""
    if not await _passed(scene, "before the insert", planned.seconds):
        return None
    await asyncio.sleep(_WIPE_AFTER_SECONDS)
    await scene.ask_redis("FLUSHALL")
    return "a process died before the insert, and everything deleted"


def _crash_fault(point: str) -> None:
    async def strike_point(scene: Scene, planned: Planned) -> str | None:
        is_passed = await _passed(scene, point, planned.seconds)
        return f"a process died {point}" if is_passed else None

    _kind("crash_" + point.replace(" the ", " ").replace(" ", "_"), 3.0, 3.0)(strike_point)


for _point in CRASH_POINTS:
    _crash_fault(_point)


# --- Game servers and players --------------------------------------------------------------------------


def _server(scene: Scene, planned: Planned) -> GameServer:
    return scene.servers[int(planned.choice * len(scene.servers))]


@_kind("server_dies", 0.2, 0.5)
async def _server_dies(scene: Scene, planned: Planned) -> str:
    server = _server(scene, planned)
    server.die(_DEATH_SECONDS)
    await asyncio.sleep(planned.seconds)
    return f"{server.name} died with its matches, and comes back after {_DEATH_SECONDS:.0f} s"


@_kind("server_late", 0.2, 0.5)
async def _server_late(scene: Scene, planned: Planned) -> str:
    server = _server(scene, planned)
    seconds = 4.0 + 6.0 * (planned.choice * 10 % 1)
    server.be_late(seconds)
    await asyncio.sleep(planned.seconds)
    return f"{server.name} says nothing for {seconds:.1f} s, and plays on"


@_kind("server_registers_twice", 0.2, 0.5)
async def _server_twice(scene: Scene, planned: Planned) -> str:
    server = _server(scene, planned)
    server.register_twice()
    await asyncio.sleep(planned.seconds)
    return f"two processes say that they are {server.name}"


@_kind("leave_storm", 2.0, 4.0)
async def _leave_storm(scene: Scene, planned: Planned) -> str:
    scene.weather.leave_share = settings.STORM_LEAVE_SHARE
    await asyncio.sleep(planned.seconds)
    scene.weather.leave_share = settings.LEAVE_SHARE
    return "most who wait leave, against the rounds"


@_kind("round_stalls", 3.0, 5.0)
async def _round_stalls(scene: Scene, planned: Planned) -> str:
    scene.stack.crash_points.write_text(f"{STALL_POINT} for {_STALL_SECONDS}\n" * _STALLS)
    await _leave_storm(scene, planned)
    stalls = _STALLS - len(scene.stack.crash_points.read_text().splitlines())
    scene.stack.crash_points.write_text("")
    return f"{stalls} rounds stood still between looking and claiming, and most who wait left"


@_kind("leave_flood", 1.0, 2.0)
async def _leave_flood(scene: Scene, planned: Planned) -> str:
    scene.weather.flood = _FLOOD
    await asyncio.sleep(planned.seconds)
    scene.weather.flood = 0
    return f"who waits sends {_FLOOD} leaves at once"
