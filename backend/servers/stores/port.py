"""The promise that every server pool keeps. Times are milliseconds since the epoch, given by the caller.

Each method is one atomic step, can be repeated, and raises `StoreUnavailable` where the pool cannot
answer. Seats are taken and freed by the ticket store's `claim` and `end`, in one step with the match.
"""

from typing import Protocol

from servers.server import Absence, GameServer, Hosting, Registration, ServerId


class ServerPool(Protocol):
    """The registered game servers and their load."""

    def register(self, registration: Registration, now_ms: int) -> int:
        """Add a server, or take its place anew. Answers the generation: larger each time, so that the
        token of an older registration is told apart. Games of the older one stay until settled."""
        ...

    def adopt(self, server: GameServer) -> None:
        """Know a server as another pool knows it, generation, status and last heartbeat included; its games stay
        those that are known here. One that is known here in this generation or a newer one stays as it is."""
        ...

    def heartbeat(
        self,
        server_id: ServerId,
        generation: int,
        now_ms: int,
        *,
        cpu_usage: float | None = None,
        memory_usage: float | None = None,
    ) -> Hosting | Absence:
        """The server is still here. `STALE` or `UNKNOWN` change nothing."""
        ...

    def drain(self, server_id: ServerId, generation: int | None) -> Absence | None:
        """No new matches. None when it drains (already). `generation` None acts on whichever is there."""
        ...

    def lose(self, server_id: ServerId, generation: int | None, *, silent_since_ms: int | None) -> list[str] | Absence:
        """Take the server out for good and answer the matches it leaves behind, again at each call until
        `forget`. With `silent_since_ms` only if its last heartbeat was before; else `ALIVE`."""
        ...

    def forget(self, server_id: ServerId) -> bool:
        """Remove a lost server that has no games left. False where it is not so."""
        ...

    def silent(self, since_ms: int) -> list[ServerId]:
        """Servers whose last heartbeat was before `since_ms`, lost ones included."""
        ...

    def list(self) -> list[GameServer]:
        """Every server, by id. Not one instant."""
        ...

    def find(self, server_id: ServerId) -> GameServer | None:
        """One server, or None."""
        ...
