"""Workers and beats as they run in production: processes of their own, on the Redis that a test chooses."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from django.db import connection

BACKEND = Path(__file__).parents[2] / "backend"
WORKER = ["worker", "--without-gossip", "--without-mingle", "--loglevel=INFO"]


@dataclass
class Program:
    """One process and its log."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def is_alive(self) -> bool:
        return self.process.poll() is None

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def terminate(self, *, seconds: float) -> tuple[int, float]:
        """SIGTERM; answers the exit code and how many seconds it took."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds), time.monotonic() - began

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class Stack:
    """Programs of one installation. They are killed at the end, with what they started."""

    folder: Path
    environment: dict[str, str]
    programs: list[Program] = field(default_factory=list)

    @classmethod
    def on(cls, folder: Path, redis_url: str, broker_url: str, **environment: str) -> "Stack":
        """On these two Redis and the database of the tests."""
        database_url, _, _ = os.environ["DATABASE_URL"].rpartition("/")
        stores = {
            "REDIS_URL": redis_url,
            "CELERY_BROKER_URL": broker_url,
            "REDIS_KEY_PREFIX": "{caroud}:",
            "DATABASE_URL": f"{database_url}/{connection.settings_dict['NAME']}",
        }
        return cls(folder, {**os.environ, "PYTHONPATH": str(BACKEND.parent), **stores, **environment})

    def worker(self, name: str, queues: str, *, children: int = 1, app: str = "celery_app") -> Program:
        return self._start(name, app, [*WORKER, "-Q", queues, "-c", str(children), "-n", f"{name}@%h"])

    def beat(self, name: str, *, app: str = "celery_app") -> Program:
        schedule = str(self.folder / f"{name}-schedule")
        return self._start(name, app, ["beat", "--loglevel=INFO", "-s", schedule])

    def _start(self, name: str, app: str, words: list[str]) -> Program:
        argv = [sys.executable, "-m", "celery", "-A", app, *words]
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                argv, cwd=BACKEND, env=self.environment, stdout=output, stderr=output, start_new_session=True
            )
        program = Program(process, log)
        self.programs.append(program)
        return program

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for program in self.programs:
            if error is not None:
                print(f"--- {program.log.name}\n{program.text()[-4000:]}")
            program.kill()
