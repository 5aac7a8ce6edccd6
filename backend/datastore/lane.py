"""One connection on which the next command is sent before the answer to the last is read: the server works while the
caller makes up the next one, or looks through the last answer. Without threads, which wait for each other's turn."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from hiredis import pack_command

_pack: Any = pack_command


class Lane:
    """Answers come in the order of the commands. One that is an error is raised where it is read."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.unanswered = 0

    def ask(self, *command: str | int | float) -> None:
        """Send a command."""
        # The look whether the connection is healthy is a command, whose answer would be taken for another's.
        self._connection.send_packed_command((_pack(command),), check_health=self.unanswered == 0)
        self.unanswered += 1

    def answer(self) -> Any:
        """The answer to the first command that has none yet."""
        self.unanswered -= 1  # an error that came as an answer is one
        return self._connection.read_response()


@contextmanager
def lane(client: redis.Redis) -> Iterator[Lane]:
    """A connection of the client's. Errors are the driver's: see `redis_errors`."""
    pool: Any = client.connection_pool
    connection = pool.get_connection()
    one = Lane(connection)
    try:
        yield one
    finally:
        if one.unanswered:
            connection.disconnect()  # what is still answered on it is for nobody
        pool.release(connection)
