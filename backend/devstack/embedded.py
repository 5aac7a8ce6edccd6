"""Redis and PostgreSQL of our own: on 127.0.0.1, with a random password, in a folder that can be thrown away.

`make run` runs them under a supervisor (`prepare()`, then `argv`); tests run them as children of their own
(`start()`, `stop()`, or as a context manager).
"""

import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg2

from datastore.client import RedisLimits, connect, redis_errors
from devstack.binaries import find_postgres, find_redis_server
from devstack.errors import StartFailed
from devstack.ports import free_port
from devstack.private_file import write_private
from devstack.without_root import give_to_owner, run_to_the_end, without_root
from errors import StoreUnavailable

__all__ = ["EmbeddedServer", "PostgresServer", "RedisServer", "free_port", "last_lines"]

#: Seconds that a server may take to answer; a busy machine needs a few, a broken one would take for ever.
START_SECONDS = 20.0
#: Seconds that a server may take to stop before it is killed.
STOP_SECONDS = 5.0
#: Seconds between two looks.
LOOK_SECONDS = 0.02

DATABASE = "caroud"
SUPERUSER = "caroud"
_LAST_LOG_LINES = 8


def last_lines(log: Path, count: int = _LAST_LOG_LINES) -> str:
    """The end of a log file, for an error message."""
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(text.splitlines()[-count:]) or "(its log is empty)"


class EmbeddedServer(ABC):
    """A server in `folder` on 127.0.0.1:`port`, as a child process from `start()` to `stop()`."""

    name: str
    #: What stops it fast and clean.
    stop_signal: signal.Signals

    def __init__(self, folder: Path, port: int, password: str) -> None:
        self.folder = folder
        self.port = port
        self.password = password
        self.log = folder.parent / f"{folder.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """How clients reach it, password included."""

    @property
    @abstractmethod
    def argv(self) -> list[str]:
        """The command that runs it in the foreground; `prepare()` comes first."""

    @property
    @abstractmethod
    def pid_file(self) -> Path:
        """Where the server itself writes its process id, in the first line."""

    @abstractmethod
    def prepare(self) -> None:
        """Make what the command needs: folder, configuration, database. A second call changes nothing."""

    @abstractmethod
    def refusal(self) -> str | None:
        """Why it does not serve now, in one line; None when it does."""

    def answers(self) -> bool:
        """Whether it serves now."""
        return self.refusal() is None

    def start(self) -> None:
        """Run it and wait until it answers; `StartFailed` with the end of its log otherwise."""
        self.prepare()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        try:
            self._wait_until_it_answers(self._process)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it, by force when it does not listen. A second call does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(self.stop_signal)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _wait_until_it_answers(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while (refusal := self.refusal()) is not None:
            if process.poll() is not None:
                raise StartFailed(f"{self.name} ended with {process.returncode}:\n{last_lines(self.log)}")
            if time.monotonic() > deadline:
                raise StartFailed(f"{self.name} does not answer ({refusal}):\n{last_lines(self.log)}")
            time.sleep(LOOK_SECONDS)


class RedisServer(EmbeddedServer):
    """A Redis (or Valkey) that keeps its keys in an append-only file, unless `appendonly` is off."""

    name = "redis"
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path, port: int, password: str, *, appendonly: bool = True) -> None:
        super().__init__(folder, port, password)
        self.appendonly = appendonly

    @property
    def url(self) -> str:
        return f"redis://default:{self.password}@127.0.0.1:{self.port}/0"

    @property
    def argv(self) -> list[str]:
        # The options are in a file because every user of the machine can read a command line.
        return [str(find_redis_server()), str(self._configuration_file)]

    @property
    def pid_file(self) -> Path:
        return self.folder / "redis.pid"

    @property
    def configuration(self) -> str:
        """What `redis.conf` says."""
        options = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "requirepass": _quoted(self.password),
            "dir": _quoted(str(self.folder)),
            "pidfile": _quoted(str(self.pid_file)),
            # A full server says so; it never throws tickets away.
            "maxmemory-policy": "noeviction",
            "appendonly": "yes" if self.appendonly else "no",
            "appendfsync": "everysec",
            "save": '""',
        }
        return "".join(f"{option} {value}\n" for option, value in options.items())

    def prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        write_private(self._configuration_file, self.configuration)

    def refusal(self) -> str | None:
        client = connect(self.url, limits=RedisLimits(max_connections=1))
        try:
            with redis_errors():
                client.ping()
        except StoreUnavailable as error:
            return error.reason
        finally:
            client.connection_pool.disconnect()
        return None

    @property
    def _configuration_file(self) -> Path:
        return self.folder / "redis.conf"


class PostgresServer(EmbeddedServer):
    """A PostgreSQL cluster with one superuser and the database `caroud`; TCP only.

    `fsync=False` is for tests: fast, and lost when the machine falls.
    """

    name = "postgres"
    #: "Fast shutdown": ends the sessions, writes a checkpoint.
    stop_signal = signal.SIGINT

    def __init__(self, folder: Path, port: int, password: str, *, fsync: bool = True) -> None:
        super().__init__(folder, port, password)
        self.fsync = fsync

    @property
    def url(self) -> str:
        return f"postgres://{SUPERUSER}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def argv(self) -> list[str]:
        options = {"listen_addresses": "127.0.0.1", "port": str(self.port), "unix_socket_directories": ""}
        if not self.fsync:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        postgres = find_postgres(self._made_with()).postgres
        settings = [word for option, value in options.items() for word in ("-c", f"{option}={value}")]
        return [*without_root(), str(postgres), "-D", str(self.folder), *settings]

    @property
    def pid_file(self) -> Path:
        return self.folder / "postmaster.pid"

    def prepare(self) -> None:
        if self._made_with() is None:
            self._make_cluster()
        give_to_owner(self.folder)

    def refusal(self) -> str | None:
        try:
            psycopg2.connect(self.url, connect_timeout=2).close()
        except psycopg2.OperationalError as error:
            return str(error).strip().splitlines()[-1]
        return None

    def _made_with(self) -> int | None:
        """The major version that made the cluster; None while there is none."""
        version = self.folder / "PG_VERSION"
        return int(version.read_text().strip()) if version.exists() else None

    def _make_cluster(self) -> None:
        """initdb beside the folder and move it there last: an interrupted one leaves nothing that looks done."""
        unfinished = self.folder.with_name(f"{self.folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True, mode=0o700)
        give_to_owner(unfinished)
        password_file = unfinished.with_suffix(".password")
        write_private(password_file, self.password)
        try:
            self._initdb(unfinished, password_file)
        finally:
            password_file.unlink()
        unfinished.rename(self.folder)

    def _initdb(self, folder: Path, password_file: Path) -> None:
        programs = find_postgres()
        owner = ["-U", SUPERUSER, f"--pwfile={password_file}", "-A", "scram-sha-256"]
        text = ["-E", "UTF8", "--locale=C"]
        run_to_the_end([str(programs.initdb), "-D", str(folder), *owner, *text, "--no-sync"])
        # A single-user session needs no port and no password.
        single_user = [str(programs.postgres), "--single", "-D", str(folder), "postgres"]
        run_to_the_end(single_user, typed=f"CREATE DATABASE {DATABASE};\n")


def _quoted(value: str) -> str:
    """`value` as a word of redis.conf."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
