"""The real stack of `make run`, web, workers and beat under supervision, with a proxy in front of each store.

```
web ─▶ web_redis ─▶┐               ┌◀─ workers_redis ◀─ workers, beat (tickets and broker)
                   Redis ─ replica ─▶ Redis (a spare one, 0.3 s behind, when a fault wants it)
web ─▶ web_postgres ─▶ PostgreSQL ◀─ workers_postgres ◀─ workers, beat
```
"""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from chaos.clock import Clocks
from chaos.proxies import REPO, ProxyProcess
from chaos.seen_from import CLOCKS_VARIABLE
from chaos.stores import KillablePostgres, RedisPair
from devstack.embedded import free_port
from devstack.plan import Plan, make_plan
from devstack.remains import RunLock, stop_remains
from devstack.stack import Stack, temporary_environment
from devstack.supervision import Program

#: Proxies by what they lead to.
REDIS = ("web_redis", "workers_redis")
POSTGRES = ("web_postgres", "workers_postgres")
#: The proxy between a replica and its primary, and how many seconds it lags.
REPLICATION, REPLICA_BEHIND_SECONDS = "replication", 0.3
SIDES = ("web", "workers")
#: Programs whose wall clock can jump, each as if it ran on a host of its own.
TIMED_PROGRAMS = ("web", "worker-rounds", "worker-reaping", "beat")
#: Held as long as a run uses the folder.
LOCK_FILE = "run.lock"
#: Of the stack: the harness would not look at Flower.
_NOT_STARTED = ("flower",)

_QUEUES = """\
default_queue = "ranked"
[queues.ranked]
ticket_ttl_seconds = {ttl}
match_ttl_seconds = 120
[queues.ranked.search_window]
base = 300
step = 100
every_seconds = 1
max_extra = 3000
[queues.casual]
k_factor = 16
ticket_ttl_seconds = {ttl}
match_ttl_seconds = 120
[queues.casual.search_window]
base = 300
step = 100
every_seconds = 1
max_extra = 3000
[queues.squads]
team_size = 2
party.max_size = 2
acceptance_seconds = 5
backfill = "first"
backfill_ttl_seconds = 20
ticket_ttl_seconds = {ttl}
match_ttl_seconds = 120
[queues.squads.search_window]
base = 600
step = 100
every_seconds = 1
max_extra = 3000
"""


@dataclass(frozen=True)
class _SidedPlan(Plan):
    """The programs of `make run`, each with the addresses of its side."""

    def programs(self) -> list[Program]:
        return [
            replace(program, argv=_seen_from("web" if program.name == "web" else "workers", program.name, program.argv))
            for program in Plan.programs(self)
            if program.name not in _NOT_STARTED
        ]


def _seen_from(side: str, program: str, argv: object) -> list[str]:
    return [sys.executable, "-m", "chaos.seen_from", side, program, *argv]  # type: ignore[misc]


class ChaosStack:
    """Everything that a run needs, from `start()` to `stop()`."""

    def __init__(
        self, folder: Path, *, ticket_ttl_seconds: float, say: Callable[[str], None], settings: Mapping[str, str]
    ) -> None:
        self.folder = folder
        self._lock = RunLock(folder)
        self.redis = RedisPair(folder)
        self.postgres = KillablePostgres(folder / "postgres", free_port(), secrets.token_hex(12))
        self.crash_points = folder / "crash_points"
        self.clocks = Clocks(folder / "clocks", TIMED_PROGRAMS)
        # The stack's own folder: what it finds there it takes for its own, and stops.
        self._var_dir = folder / "stack"
        self.log_folder = self._var_dir / "log"
        self._queues = folder / "queues.toml"
        self._ticket_ttl_seconds = ticket_ttl_seconds
        self._say, self._settings = say, settings
        self._stack: Stack | None = None
        self._environment: Mapping[str, str] = {}
        self._extra: list[subprocess.Popen[bytes]] = []
        self.proxies: ProxyProcess | None = None

    def start(self) -> None:
        """Start it all and wait until it answers. After an exception, too, call `stop()`."""
        self._lock.take()
        self._clear()
        if not self.clocks.make():
            self._say("no C compiler: clocks do not jump")
        self._queues.write_text(_QUEUES.format(ttl=self._ticket_ttl_seconds))
        self.redis.primary.start()
        self.postgres.start()
        redis_port, postgres_port = self.redis.primary.port, self.postgres.port
        targets = dict.fromkeys(REDIS, redis_port) | dict.fromkeys(POSTGRES, postgres_port)
        self.proxies = ProxyProcess(targets | {REPLICATION: redis_port})
        self.proxies.order([REPLICATION], "delay", seconds=REPLICA_BEHIND_SECONDS)
        stack = Stack(self._configured(self.proxies.ports), say=self._say, plan_of=self._plan)
        self._stack = stack
        started = stack.start()
        self.api_port = started.plan.port
        self.fleet_key = started.access.fleet_key
        self._environment = started.plan.environment

    def stop(self) -> None:
        for child in self._extra:
            self.end_extra(child)
        if self._stack is not None:
            self._stack.stop()
        if self.proxies is not None:
            self.proxies.stop()
        self.postgres.wake()
        self.postgres.stop()
        self.redis.stop()
        self._lock.give_back()

    def _clear(self) -> None:
        """Nothing of an earlier run stays, not even what a killed one has left running."""
        servers = (self.redis.primary, self.redis.spare, self.postgres)
        stop_remains(self._var_dir, [server.pid_file for server in servers])
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != LOCK_FILE:
                path.unlink()

    def pids(self) -> dict[str, int]:
        """Process ids of web, workers and beat."""
        return self._stack.pids() if self._stack is not None else {}

    def start_extra(self, name: str, words: list[str]) -> subprocess.Popen[bytes]:
        """One more Celery program, which nobody restarts."""
        argv = _seen_from("workers", name, [sys.executable, "-m", "celery", "-A", "celery_app", *words])
        environment = {**self._environment, "BEAT_SCHEDULE_FILE": str(self.folder / f"schedule-{name}")}
        with (self.log_folder / f"{name}.log").open("ab") as log:
            child = subprocess.Popen(
                argv, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self._extra.append(child)
        return child

    def end_extra(self, child: subprocess.Popen[bytes]) -> None:
        """SIGTERM, and SIGKILL to its whole group if it does not listen."""
        child.terminate()
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, 9)
            child.wait()
        if child in self._extra:
            self._extra.remove(child)

    def _configured(self, ports: Mapping[str, int]) -> dict[str, str]:
        """The variables of the stack: those of each side, and for who has none those of the workers."""
        environment = temporary_environment(self._var_dir)
        sides: dict[str, str] = {}
        for side in SIDES:
            redis_url = self._through(self.redis.primary.url, self.redis.primary.port, ports[f"{side}_redis"])
            database_url = self._through(self.postgres.url, self.postgres.port, ports[f"{side}_postgres"])
            urls = {"REDIS_URL": redis_url, "CELERY_BROKER_URL": redis_url, "DATABASE_URL": database_url}
            sides |= {f"CHAOS_{side.upper()}_{name}": url for name, url in urls.items()}
            if side == "workers":
                sides |= urls
        return {
            **environment,
            "HEARTBEAT_INTERVAL_SECONDS": "1.0",
            "QUEUES_FILE": str(self._queues),
            CLOCKS_VARIABLE: str(self.folder / "clocks"),
            "CAROUD_CRASH_POINTS_FILE": str(self.crash_points),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(REPO), environment.get("PYTHONPATH", "")])),
            **self._settings,
            **sides,
        }

    @staticmethod
    def _through(url: str, port: int, proxy_port: int) -> str:
        return url.replace(f":{port}/", f":{proxy_port}/")

    @staticmethod
    def _plan(configured: Mapping[str, str]) -> Plan:
        plan = make_plan(configured)
        return _SidedPlan(**{name: getattr(plan, name) for name in Plan.__slots__})
