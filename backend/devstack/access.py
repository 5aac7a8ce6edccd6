"""How to reach a running stack: its addresses and the keys that open it."""

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from devstack.env_file import read_env_file
from devstack.plan import configured_variables, var_dir_of

#: In the var folder, as long as the stack runs. settings.py reads it too, so `manage.py` works beside `make run`.
RUN_FILE = "run.env"
#: Seconds for one answer.
_ANSWER_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class StackAccess:
    """A stack that runs. `environment` is for children that shall use it: `os.environ | access.environment`."""

    environment: Mapping[str, str]

    @property
    def api_url(self) -> str:
        """Ends with `/api/`."""
        return self.environment["API_URL"]

    @property
    def flower_url(self) -> str:
        return self.environment["FLOWER_URL"]

    @property
    def flower_login(self) -> str:
        """`user:password`."""
        return self.environment["FLOWER_BASIC_AUTH"].split(",")[0]

    @property
    def fleet_key(self) -> str:
        """A key that registers game servers."""
        return self.environment["FLEET_KEY"].split(",")[0].strip()

    @property
    def database_url(self) -> str:
        return self.environment["DATABASE_URL"]

    @property
    def redis_url(self) -> str:
        return self.environment["REDIS_URL"]


def running_stack(var_dir: Path | None = None) -> StackAccess | None:
    """The stack of this checkout (or of `var_dir`), if its API answers."""
    environment = read_env_file((var_dir or var_dir_of(configured_variables())) / RUN_FILE)
    if "API_URL" not in environment:
        return None
    address = urlsplit(environment["API_URL"])
    status = http_status(address.hostname or "", address.port or 80, "/healthz")
    return StackAccess(environment) if status == 200 else None


def http_status(host: str, port: int, path: str) -> int | None:
    """The status of a GET, None where nobody answers. Without urllib, which would ask a proxy for localhost."""
    connection = HTTPConnection(host, port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, HTTPException):
        return None
    finally:
        connection.close()
