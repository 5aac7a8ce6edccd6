"""What happened, written down while it happened, and the rows that PostgreSQL keeps of it. Nothing here decides."""

from dataclasses import dataclass, field

#: `Call.status` of a call that got no answer at all.
NO_ANSWER = 0


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP call. Times are seconds of this process's monotonic clock."""

    method: str
    path: str
    status: int
    asked_seconds: float
    took_seconds: float


@dataclass(frozen=True, slots=True)
class Told:
    """What a player was told about a ticket. `ticket` counts the player's own joins, from 1."""

    player_id: str
    ticket: int
    call: str  # join, status or leave
    status: str  # waiting, matched, left, expired or not_in_queue
    match_id: str | None
    #: The players of the match as told; empty where the answer named the match only.
    participants: frozenset[str]
    asked_seconds: float
    told_seconds: float
    #: The call was sent again, because an earlier answer was lost on its way.
    is_repeat: bool = False
    #: The ticket is one of a party that another player leads: it begins and ends by that player's calls.
    is_follower: bool = False


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """What a game server was told to host."""

    server_id: str
    capacity: int
    match_ids: tuple[str, ...]
    told_seconds: float


@dataclass(frozen=True, slots=True)
class Profile:
    """A player's profile in one queue, after the last match."""

    player_id: str
    elo_rating: int
    games: int
    wins: int
    losses: int
    draws: int
    queue: str = "ranked"


@dataclass(frozen=True, slots=True)
class ParticipantRow:
    """One player of one match in PostgreSQL."""

    player_id: str
    team: int
    ticket_rating: float
    waited_ms: int
    rating_before: float | None
    rating_after: float | None


@dataclass(frozen=True, slots=True)
class MatchRow:
    """One match in PostgreSQL. Times are seconds since 1970."""

    id: str
    status: str
    created_seconds: float
    ended_seconds: float | None
    participants: tuple[ParticipantRow, ...]
    queue: str = "ranked"

    @property
    def player_ids(self) -> frozenset[str]:
        return frozenset(participant.player_id for participant in self.participants)


@dataclass(frozen=True, slots=True)
class SqlCounters:
    """What PostgreSQL has counted for the whole database since its start."""

    transactions: int
    rows_written: int


@dataclass(slots=True)
class PlayLog:
    """Everything that the demo's clients did and were told, in that order. Only ever appended to."""

    calls: list[Call] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    heartbeats: list[Heartbeat] = field(default_factory=list)
    profiles: list[Profile] = field(default_factory=list)
    #: Seconds from sending a join to the first answer that named the match.
    waits_seconds: list[float] = field(default_factory=list)
    #: Player id -> the strength that decides results, in rating points.
    true_strengths: dict[str, float] = field(default_factory=dict)
    #: Player id -> the queues that the player joins.
    queues: dict[str, tuple[str, ...]] = field(default_factory=dict)
    #: Players who play together.
    parties: list[frozenset[str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the checks judge by: the clients' side and PostgreSQL's side of the same evening."""

    player_ids: frozenset[str]
    told: tuple[Told, ...]
    heartbeats: tuple[Heartbeat, ...]
    calls: tuple[Call, ...]
    profiles: tuple[Profile, ...]
    #: Every match with one of the players in it.
    matches: tuple[MatchRow, ...]
    parties: tuple[frozenset[str], ...] = ()
