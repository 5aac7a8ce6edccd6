"""What one queue demands, and all queues together. `docs/queues.md` has the same with reasons."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from matchmaking.engine.demands import (
    BackfillPriority,
    BalanceRule,
    LatencyLimit,
    MatchFormat,
    PartyRule,
    RematchRule,
)
from matchmaking.engine.search_window import SearchWindow
from players.rating_models import RatingModel


class Placement(StrEnum):
    """Whether a match of the queue takes a seat on a game server."""

    OPTIONAL = "optional"
    REQUIRED = "required"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class QueueRules:
    """What one queue demands. Defaults are those of the shipped `ranked` queue."""

    name: str
    format: MatchFormat = field(default_factory=MatchFormat)
    rating_model: RatingModel = RatingModel.ELO
    #: Rating points of a new player.
    initial_rating: float = 1200.0
    #: Rating points; the most that one match can move a rating. Of Elo alone.
    k_factor: float = 32.0
    placement: Placement = Placement.OPTIONAL
    #: Seconds. Too small expires players on a slow phone; too large matches players who are gone.
    ticket_ttl_seconds: float = 300.0
    #: Seconds. Longer than the longest game, or its result comes too late to count.
    match_ttl_seconds: float = 3600.0
    backfill: BackfillPriority = BackfillPriority.OFF
    #: Seconds for which an open seat is offered. Too small leaves seats empty that somebody was about to take; too
    #: large sends players into matches that are nearly over.
    backfill_ttl_seconds: float = 120.0
    #: Seconds in which all players have to accept a match before it starts; 0 asks nobody. Too small counts players as
    #: gone who are not; too large lets nine wait for one who is.
    acceptance_seconds: float = 0.0
    #: Where rounds are due at once, those of the queue with the larger number are asked for first.
    priority: int = 0
    search_window: SearchWindow = field(default_factory=SearchWindow)
    latency: LatencyLimit = field(default_factory=LatencyLimit)
    rematch: RematchRule = field(default_factory=RematchRule)
    party: PartyRule = field(default_factory=PartyRule)
    balance: BalanceRule = field(default_factory=BalanceRule)

    @property
    def ticket_ttl_ms(self) -> int:
        return round(self.ticket_ttl_seconds * 1000)

    @property
    def match_ttl_ms(self) -> int:
        return round(self.match_ttl_seconds * 1000)

    @property
    def backfill_ttl_ms(self) -> int:
        return round(self.backfill_ttl_seconds * 1000)

    @property
    def acceptance_ms(self) -> int:
        return round(self.acceptance_seconds * 1000)


@dataclass(frozen=True, slots=True)
class Rules:
    """All queues, by name."""

    default_queue: str
    queues: Mapping[str, QueueRules]
    #: Queues that were taken out while this process ran: nobody joins and no round runs, tickets there are ended, and
    #: matches count by their rules to the end.
    closed: Mapping[str, QueueRules] = field(default_factory=dict)

    @property
    def known(self) -> Mapping[str, QueueRules]:
        """Queues that are open or closed."""
        return {**self.closed, **self.queues}

    def by_priority(self) -> list[QueueRules]:
        """Open queues, larger priority first, else in the order of the file."""
        return sorted(self.queues.values(), key=lambda rules: -rules.priority)
