"""What clients were told, what was done to the stack, what the stores hold at the end. Nothing here decides.

All times are seconds since 1970, by the one clock of this machine.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

#: `http` of a call that got no answer: cut off, or too late.
NO_ANSWER = 0


@dataclass(frozen=True, slots=True)
class Told:
    """One call of a player, and what it answered. `ticket` counts the player's own decisions to join, from 1."""

    line: int
    player: str
    ticket: int
    call: str  # join, status, leave or history
    http: int
    asked: float
    told: float
    #: waiting, matched, left, expired, not_in_queue; "" where the answer says nothing about a ticket.
    status: str = ""
    match: str = ""
    players: tuple[str, ...] = ()
    queue: str = ""
    waited: float | None = None
    retry_after: str = ""
    key: str = ""
    #: Sent a second time on purpose, with the key of the first.
    is_replay: bool = False
    #: Sent beside another call of the same player: their order is unknown.
    is_concurrent: bool = False

    @property
    def is_acknowledged(self) -> bool:
        return bool(self.status)


@dataclass(frozen=True, slots=True)
class Seen:
    """One call of a player of the queue `squads`, and what it answered."""

    line: int
    player: str
    call: str  # join, status, leave, accept or decline
    http: int
    asked: float
    told: float
    status: str = ""
    match: str = ""
    match_status: str = ""
    players: tuple[str, ...] = ()
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class Beat:
    """One call of a game server or of the studio."""

    line: int
    server: str
    call: str  # register, heartbeat, result, backfill
    http: int
    asked: float
    told: float
    matches: tuple[str, ...] = ()
    ranks: tuple[int, ...] = ()
    #: Of the match, after a result.
    status: str = ""
    retry_after: str = ""
    #: Of the match, after backfill: (who left, who came) of each seat that is filled.
    filled: tuple[tuple[str, str], ...] = ()
    #: Sent with a token that a newer registration has replaced.
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that was done to the stack, and when it was over."""

    line: int
    kind: str
    began: float
    ended: float
    detail: str = ""
    #: False where nothing came of it, such as a crash point that nobody passed.
    has_happened: bool = True


@dataclass(frozen=True, slots=True)
class Death:
    """A game server that said nothing between its last acknowledged heartbeat and its return."""

    server: str
    last_beat: float
    returned: float


@dataclass(frozen=True, slots=True)
class Mode:
    """Which store the service said that it uses."""

    at: float
    mode: str


@dataclass(frozen=True, slots=True)
class Part:
    """A player's part in a match, in PostgreSQL."""

    player: str
    team: int
    before: float | None = None
    after: float | None = None
    #: When the player came into the running match, and left it; None for who was there from the start, to the end.
    joined: float | None = None
    left: float | None = None


@dataclass(frozen=True, slots=True)
class Seat:
    """A seat that a server asked a player for, in PostgreSQL."""

    leaver: str
    #: "" where nobody came.
    filled_by: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A match in PostgreSQL."""

    match: str
    status: str
    queue: str
    server: str | None
    created: float
    ended: float | None
    parts: tuple[Part, ...]
    ranks: tuple[int, ...] = ()
    seats: tuple[Seat, ...] = ()

    def span(self, player: str) -> tuple[float, float | None]:
        """When the player was in it: from and to, None where that has not ended."""
        part = next(part for part in self.parts if part.player == player)
        began = self.created if part.joined is None else part.joined
        return began, self.ended if part.left is None else part.left

    @property
    def players(self) -> frozenset[str]:
        return frozenset(part.player for part in self.parts)


@dataclass(frozen=True, slots=True)
class RatingRow:
    """A player's rating in PostgreSQL."""

    player: str
    queue: str
    rating: float
    games: int


@dataclass(frozen=True, slots=True)
class LeftKey:
    """A key that is in Redis at the end."""

    name: str
    #: Seconds; -1 for ever.
    ttl: int
    size: int


@dataclass(frozen=True, slots=True)
class Limits:
    """What the run knows of the service's settings."""

    ticket_ttl_seconds: float
    heartbeat_ttl_seconds: float
    reap_interval_seconds: float
    resume_seconds: float
    capacities: Mapping[str, int]


@dataclass(slots=True)
class Evidence:
    """All that the checker judges by."""

    limits: Limits
    told: list[Told] = field(default_factory=list)
    beats: list[Beat] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    deaths: list[Death] = field(default_factory=list)
    modes: list[Mode] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    #: The players of each party; they never change.
    parties: list[tuple[str, ...]] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    ratings: list[RatingRow] = field(default_factory=list)
    keys: list[LeftKey] = field(default_factory=list)
    #: When players stopped asking for matches.
    play_ended: float = 0.0
