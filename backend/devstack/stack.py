"""The whole service on this machine, from the first look at the ports to the last process that ends.

A start in order:
1. Only one stack of a var folder: take its lock, end what a killed one has left.
2. Choose ports, secrets and servers (`plan`); a taken port ends the start here.
3. Databases: supervisord starts the embedded ones, and we wait for them.
4. Django: check the stores, migrate, compile the engine, make the first account (`prepare`).
5. Services: web, workers, beat and Flower, until all of them answer.
6. Write down how to reach it all (`access`).
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from devstack.access import RUN_FILE, StackAccess, http_status
from devstack.embedded import last_lines
from devstack.engine import is_engine_compiled
from devstack.env_file import write_env_file
from devstack.errors import StartFailed
from devstack.plan import ADMIN_PASSWORD_VARIABLE, OWN_VARIABLES, Plan, embedded_pid_files, make_plan, var_dir_of
from devstack.ports import free_port
from devstack.remains import RunLock, stop_remains
from devstack.supervision import FailedStart, Supervisor

Say = Callable[[str], None]

#: Seconds for the embedded databases to answer; after a power cut they have to read their logs first.
_DATABASES_SECONDS = 60.0
#: Seconds for the services to answer; compiling the engine for the first time takes some of them.
_SERVICES_SECONDS = 90.0
#: Seconds for programs whose supervisor is gone to end by themselves.
_ORPHANS_SECONDS = 2.0
_LOOK_SECONDS = 0.1
_WORKERS = ("rounds", "reaping")
#: Of what was configured, what else a process needs to meet the running stack.
_ALSO_IN_RUN_FILE = ("REDIS_KEY_PREFIX", "MATCHMAKING_BACKEND", "QUEUES_FILE", "ALLOWED_HOSTS", "VAR_DIR")


@dataclass(frozen=True, slots=True)
class Started:
    """What a start has led to."""

    plan: Plan
    access: StackAccess
    #: Whether the account of the admin has the password of our secrets; a configured database may know another.
    admin_password_is_ours: bool


class Stack:
    """The stack of one var folder, from `start()` to `stop()`."""

    def __init__(
        self,
        configured: Mapping[str, str],
        *,
        say: Say = lambda line: None,
        plan_of: Callable[[Mapping[str, str]], Plan] = make_plan,
    ) -> None:
        self._configured = configured
        self._say = say
        self._plan_of = plan_of
        self.var_dir = var_dir_of(configured)
        self._lock = RunLock(self.var_dir)
        self._supervisor: Supervisor | None = None
        self._is_ours = False

    @property
    def is_alive(self) -> bool:
        """Whether the supervisor of it all still runs."""
        return self._supervisor is not None and self._supervisor.is_alive

    def pids(self) -> dict[str, int]:
        """Process ids of the programs that run, by name."""
        return self._supervisor.pids() if self._supervisor is not None else {}

    def start(self) -> Started:
        """Start everything and wait until it answers. After an exception, too, call `stop()`."""
        self._lock.take()
        self._is_ours = True
        self._clear_remains()
        plan = self._plan_of(self._configured)
        supervisor = self._start_databases(plan)
        prepared = self._prepare(plan)
        self._start_services(plan, supervisor)
        environment = _run_environment(plan, prepared)
        write_env_file(self.var_dir / RUN_FILE, environment, heading="How to reach the running stack; gone with it.")
        return Started(plan, StackAccess(environment), bool(prepared["admin_password_is_ours"]))

    def stop(self) -> None:
        """Stop everything that `start()` has begun, however far it came. A second call does nothing."""
        if not self._is_ours:
            return
        (self.var_dir / RUN_FILE).unlink(missing_ok=True)
        was_alive = self.is_alive
        if self._supervisor is not None:
            self._supervisor.stop()
        stop_remains(self.var_dir, embedded_pid_files(self.var_dir), seconds=0 if was_alive else _ORPHANS_SECONDS)
        self._lock.give_back()
        self._is_ours = False

    def _clear_remains(self) -> None:
        (self.var_dir / RUN_FILE).unlink(missing_ok=True)
        remains = stop_remains(self.var_dir, embedded_pid_files(self.var_dir))
        if remains:
            self._say(f"stopped what a killed run had left ({len(remains)} processes)")

    def _start_databases(self, plan: Plan) -> Supervisor:
        for server in plan.servers:
            self._say(f"{server.name}: our own, on 127.0.0.1:{server.port}")
            server.prepare()
        self._supervisor = supervisor = Supervisor(self.var_dir, plan.programs(), plan.environment)
        supervisor.start()
        self._await(supervisor, {server.name: server.answers for server in plan.servers}, _DATABASES_SECONDS)
        return supervisor

    def _prepare(self, plan: Plan) -> dict[str, object]:
        compiles = "" if is_engine_compiled() else "; this first start compiles the engine, half a minute"
        self._say(f"checking the stores, migrating the database{compiles}")
        environment = {**plan.environment, ADMIN_PASSWORD_VARIABLE: plan.secrets["ADMIN_PASSWORD"]}
        log = self.var_dir / "log" / "prepare.log"
        with log.open("wb") as errors, _child("prepare", environment, stdout=subprocess.PIPE, stderr=errors) as child:
            output, _ = child.communicate()
        try:
            answer: dict[str, object] = json.loads(output.splitlines()[-1])
        except (IndexError, ValueError):
            raise StartFailed(f"preparing the database failed, see {log}:\n{last_lines(log)}") from None
        if "refusal" in answer:
            raise StartFailed(str(answer["refusal"]))
        return answer

    def _start_services(self, plan: Plan, supervisor: Supervisor) -> None:
        self._say("starting web, workers, beat and Flower")
        supervisor.start_services()
        answers = {
            "web": lambda: http_status(plan.address, plan.port, "/healthz") == 200,
            "readyz": lambda: http_status(plan.address, plan.port, "/readyz") == 200,
            "flower": lambda: http_status("127.0.0.1", plan.flower_port, "/healthcheck") == 200,
        }
        planned = {program.name for program in plan.programs()}
        answers = {name: answer for name, answer in answers.items() if name != "flower" or name in planned}
        with self._asking_workers(plan) as have_answered:
            self._await(supervisor, {**answers, "workers": have_answered}, _SERVICES_SECONDS)

    @contextmanager
    def _asking_workers(self, plan: Plan) -> Iterator[Callable[[], bool]]:
        """Whether all workers have answered, asked by a process that knows the settings."""
        log = self.var_dir / "log" / "await_workers.log"
        with log.open("wb") as output, _child("await_workers", plan.environment, *_WORKERS, stderr=output) as child:

            def have_answered() -> bool:
                if child.poll():
                    raise StartFailed(f"the workers cannot be asked, see {log}:\n{last_lines(log)}")
                return child.returncode == 0

            yield have_answered

    def _await(self, supervisor: Supervisor, answers: Mapping[str, Callable[[], bool]], seconds: float) -> None:
        """Wait until each of `answers` is true, as long as no program gives up."""
        missing = dict(answers)
        failed: set[FailedStart] = set()
        deadline = time.monotonic() + seconds
        while missing:
            for name in [name for name, answer in missing.items() if answer()]:
                self._say(f"{name} answers")
                del missing[name]
            failed |= self._failed_starts(supervisor, failed)
            if missing and time.monotonic() > deadline:
                raise StartFailed(f"no answer from {', '.join(missing)} in {seconds:.0f} s, see {self.var_dir / 'log'}")
            time.sleep(_LOOK_SECONDS if missing else 0)

    def _failed_starts(self, supervisor: Supervisor, before: Set[FailedStart]) -> set[FailedStart]:
        """The starts that have failed by now; `StartFailed` with the end of its log for a program's second one.

        One is forgiven: after a crash PostgreSQL has to wait for the last of its old processes.
        """
        if not supervisor.is_alive:
            raise StartFailed(f"supervisord ended, see {self.var_dir / 'log' / 'supervisord.log'}")
        failed = supervisor.failed_starts()
        for name, started in failed:
            if any(other.name == name and other.started != started for other in before):
                log = self.var_dir / "log" / f"{name}.log"
                raise StartFailed(f"{name} does not stay up, see {log}:\n{last_lines(log)}")
        return failed


@contextmanager
def temporary_stack(*, say: Say = lambda line: None) -> Iterator[StackAccess]:
    """A stack of its own on free ports, gone afterwards; beside any other, and never on a configured store."""
    with tempfile.TemporaryDirectory(prefix="caroud-stack-") as folder:
        stack = Stack(temporary_environment(Path(folder) / "var"), say=say)
        try:
            yield stack.start().access
        finally:
            stack.stop()


def temporary_environment(var_dir: Path) -> dict[str, str]:
    """This process's environment, but with a stack in `var_dir` on free ports and stores of its own."""
    environment = {name: value for name, value in os.environ.items() if name not in OWN_VARIABLES}
    return environment | {"VAR_DIR": str(var_dir), "PORT": str(free_port()), "FLOWER_PORT": str(free_port())}


@contextmanager
def _child(
    module: str, environment: Mapping[str, str], *words: str, stdout: int = subprocess.DEVNULL, stderr: IO[bytes]
) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m devstack.<module>` with the stack's environment; it ends with the block at the latest."""
    with subprocess.Popen(
        [sys.executable, "-m", f"devstack.{module}", *words],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        # Ctrl-C comes to us alone.
        start_new_session=True,
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def _run_environment(plan: Plan, prepared: Mapping[str, object]) -> dict[str, str]:
    """The variables that lead to the running stack."""
    kept = ("SECRET_KEY", "FLEET_KEY", "FLOWER_BASIC_AUTH", "PORT", "FLOWER_PORT", *_ALSO_IN_RUN_FILE)
    return {
        "API_URL": f"http://{plan.address}:{plan.port}/api/",
        "FLOWER_URL": f"http://127.0.0.1:{plan.flower_port}/",
        "REDIS_URL": str(prepared["redis_url"]),
        "CELERY_BROKER_URL": str(prepared["broker_url"]),
        "DATABASE_URL": str(prepared["database_url"]),
        **{name: plan.environment[name] for name in kept if name in plan.environment},
    }
