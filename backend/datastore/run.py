"""Which run of a server this process talks to: another one after a restart, a failover or a restore."""

from typing import Any


class Run:
    """Noted at each connect, which comes before every first command to another server. Safe for threads."""

    def __init__(self) -> None:
        #: `run_id` of INFO at the last connect; "" before the first.
        self.id = ""

    def greet(self, connection: Any) -> None:
        """redis-py's `redis_connect_func`: log in as always, then ask who answers."""
        connection.on_connect()
        connection.send_command("INFO", "server")
        self.id = run_id_of(connection.read_response())


def run_id_of(told: Any) -> str:
    """The `run_id` in the text of INFO."""
    text = told.decode() if isinstance(told, bytes) else str(told)
    return next((line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("run_id:")), "")
