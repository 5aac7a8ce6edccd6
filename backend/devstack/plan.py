"""What a start will run: which servers are configured and which are ours, which programs, with which environment."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from devstack.binaries import REPO_DIR
from devstack.embedded import EmbeddedServer, PostgresServer, RedisServer
from devstack.env_file import read_env_file
from devstack.errors import StartFailed
from devstack.kept_secrets import keep_secrets
from devstack.ports import check_port
from devstack.remains import MARK
from devstack.supervision import DATABASES, Program

#: The staff account of a new database.
ADMIN = "admin"
#: Environment variable: the password that the account gets when it is made.
ADMIN_PASSWORD_VARIABLE = "CAROUD_ADMIN_PASSWORD"  # noqa: S105

DEFAULT_PORT = "8000"
DEFAULT_FLOWER_PORT = "5555"
#: What `make run` lets one address do at the log-in and registration calls: there, all players are this machine's.
_ADDRESS_RATE = "6000/60"
#: Where the web listens. Other machines reach it only when this says so.
DEFAULT_HOST = "127.0.0.1"
_EVERYWHERE = "0.0.0.0"  # nosec B104

#: Variables by which somebody says: there is a Redis, there is a database.
REDIS_VARIABLES = ("REDIS_URL", "REDIS_HOST")
DATABASE_VARIABLES = ("DATABASE_URL",)
#: Everything that ties a process to particular stores or to another stack.
OWN_VARIABLES = (
    *REDIS_VARIABLES,
    *DATABASE_VARIABLES,
    *("REDIS_PORT", "REDIS_PASSWORD", "REDIS_KEY_PREFIX", "REDIS_CA_FILE", "CELERY_BROKER_URL"),
    *("SECRET_KEY", "FLEET_KEY", "FLOWER_BASIC_AUTH", "ALLOWED_HOSTS", "BEHIND_TLS_PROXY"),
    *("WEB_HOST", "PORT", "FLOWER_PORT", "VAR_DIR"),
)

_WEB_PROCESSES = 2
#: Threads of each web process: beyond some four they only wait for one another.
_WEB_THREADS = 4
#: Connections that may wait. More players than this at once is a test of the machine, not of the code.
_WEB_BACKLOG = 8192
#: Seconds for a request that is on its way when the web stops.
_WEB_STOP_SECONDS = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a start needs to know; nothing runs yet."""

    var_dir: Path
    host: str
    port: int
    flower_port: int
    secrets: Mapping[str, str]
    servers: tuple[EmbeddedServer, ...]
    #: The environment of every program, what the caller's own had included.
    environment: Mapping[str, str]

    @property
    def address(self) -> str:
        """Where this machine reaches the web and Flower."""
        return "127.0.0.1" if self.host in (_EVERYWHERE, DEFAULT_HOST) else self.host

    def programs(self) -> list[Program]:
        """Every program of the stack. The embedded servers have to be prepared."""
        python = [sys.executable, "-m"]
        celery = [*python, "celery", "-A", "celery_app"]
        worker = [*celery, "worker", "--without-gossip", "--without-mingle", "--loglevel=INFO"]
        flower = [*celery, "flower", "--address=127.0.0.1", f"--port={self.flower_port}"]
        return [
            *(Program(s.name, s.argv, DATABASES, s.stop_signal.name.removeprefix("SIG")) for s in self.servers),
            Program("web", [*python, "devstack.run_alone", "web", *python, *_granian(self.host, self.port)]),
            # A task ends within seconds, so workers may finish theirs; what is cut off is delivered again.
            Program("worker-rounds", [*worker, "-Q", "rounds", "-c", "2", "-n", "rounds@%h"]),
            Program("worker-reaping", [*worker, "-Q", "reaping,history", "-c", "1", "-n", "reaping@%h"]),
            Program("beat", [*celery, "beat", "--loglevel=INFO"]),
            Program("flower", flower),
        ]


def configured_variables() -> dict[str, str]:
    """What the person has set: backend/.env, and the environment, which wins."""
    return read_env_file(REPO_DIR / "backend" / ".env") | os.environ


def var_dir_of(configured: Mapping[str, str]) -> Path:
    """The folder of everything that the stack writes."""
    return Path(configured.get("VAR_DIR") or REPO_DIR / "var").expanduser().resolve()


def make_plan(configured: Mapping[str, str]) -> Plan:
    """Choose ports, secrets and servers; `StartFailed` names the setting that cannot be kept."""
    host = configured.get("WEB_HOST") or DEFAULT_HOST
    port = check_port("PORT", configured.get("PORT") or DEFAULT_PORT, host)
    flower_port = check_port("FLOWER_PORT", configured.get("FLOWER_PORT") or DEFAULT_FLOWER_PORT)
    if port == flower_port:
        raise StartFailed(f"PORT and FLOWER_PORT are both {port}: set one of them to another port")
    var_dir = var_dir_of(configured)
    secrets = keep_secrets(var_dir)
    servers = _embedded_servers(configured, var_dir, secrets)
    own = _own_environment(configured, var_dir, secrets) | _addresses(servers, configured)
    environment = {**configured, **own, "PORT": str(port), "FLOWER_PORT": str(flower_port)}
    return Plan(var_dir, host, port, flower_port, secrets, servers, environment)


def embedded_pid_files(var_dir: Path) -> list[Path]:
    """Where embedded servers of `var_dir` leave their process ids, whether they run or not."""
    servers = (RedisServer(var_dir / "redis", 0, ""), PostgresServer(var_dir / "postgres", 0, ""))
    return [server.pid_file for server in servers]


def _embedded_servers(
    configured: Mapping[str, str], var_dir: Path, secrets: Mapping[str, str]
) -> tuple[EmbeddedServer, ...]:
    """A server of our own for each store that nobody configured."""
    servers: list[EmbeddedServer] = []
    if not any(configured.get(name) for name in REDIS_VARIABLES):
        port, password = int(secrets["EMBEDDED_REDIS_PORT"]), secrets["EMBEDDED_REDIS_PASSWORD"]
        servers.append(RedisServer(var_dir / "redis", port, password))
    if not any(configured.get(name) for name in DATABASE_VARIABLES):
        port, password = int(secrets["EMBEDDED_POSTGRES_PORT"]), secrets["EMBEDDED_POSTGRES_PASSWORD"]
        servers.append(PostgresServer(var_dir / "postgres", port, password))
    return tuple(servers)


def _own_environment(configured: Mapping[str, str], var_dir: Path, secrets: Mapping[str, str]) -> dict[str, str]:
    """What our programs get beside the addresses; what the person has set stays."""
    backend = str(REPO_DIR / "backend")
    python_path = os.pathsep.join(filter(None, [backend, configured.get("PYTHONPATH", "")]))
    # WhiteNoise warns about a folder that is not there; it is empty until `collectstatic`.
    static_root = var_dir / "static"
    static_root.mkdir(parents=True, exist_ok=True)
    return {
        "DJANGO_SETTINGS_MODULE": "caroud.settings",
        "PYTHONPATH": python_path,
        "PYTHONUNBUFFERED": "1",
        "SECRET_KEY": configured.get("SECRET_KEY") or secrets["SECRET_KEY"],
        "FLEET_KEY": configured.get("FLEET_KEY") or secrets["FLEET_KEY"],
        # In the environment: every user of the machine can read a command line.
        "FLOWER_CONF": f"{backend}/flowerconfig.py",
        "FLOWER_BASIC_AUTH": configured.get("FLOWER_BASIC_AUTH") or f"caroud:{secrets['FLOWER_PASSWORD']}",
        "STATIC_ROOT": configured.get("STATIC_ROOT") or str(static_root),
        "RATE_LIMIT_ADDRESS": configured.get("RATE_LIMIT_ADDRESS") or _ADDRESS_RATE,
        "BEAT_SCHEDULE_FILE": str(var_dir / "celerybeat-schedule"),
        "VAR_DIR": str(var_dir),
        MARK: str(var_dir),
    }


def _addresses(servers: tuple[EmbeddedServer, ...], configured: Mapping[str, str]) -> dict[str, str]:
    """The addresses of the embedded servers, as settings.py knows them."""
    urls = {server.name: server.url for server in servers}
    addresses = {}
    if "postgres" in urls:
        addresses["DATABASE_URL"] = urls["postgres"]
    if "redis" in urls:
        addresses["REDIS_URL"] = urls["redis"]
        addresses["CELERY_BROKER_URL"] = configured.get("CELERY_BROKER_URL") or urls["redis"]
    return addresses


def _granian(host: str, port: int) -> list[str]:
    """The web server's command line, after `python -m`."""
    waiting = ["--backlog", str(_WEB_BACKLOG), "--backpressure", str(_WEB_BACKLOG)]
    size = ["--workers", str(_WEB_PROCESSES), "--blocking-threads", str(_WEB_THREADS)]
    ends = ["--respawn-failed-workers", "--respawn-interval", "0.5", "--workers-kill-timeout", str(_WEB_STOP_SECONDS)]
    address = ["--host", host, "--port", str(port)]
    return ["granian", "--interface", "wsgi", "--no-ws", *address, *size, *waiting, *ends, "caroud.wsgi:application"]
