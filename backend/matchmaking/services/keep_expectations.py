"""What a process knows of its queues in advance, so that a waiting player is told without asking any store."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from matchmaking.expectations.eta import NOBODY_KNOWS, Estimator, Eta
from matchmaking.expectations.history import QueueHistory
from matchmaking.expectations.others import Line, Seen
from matchmaking.expectations.reason import Reason, Surroundings, is_long, why_waiting
from matchmaking.rules import Placement, QueueRules
from matchmaking.stores.kept_history import KeptHistory
from matchmaking.stores.port import TicketStore
from servers.server import ServerStatus
from servers.stores.port import ServerPool

#: Matches that ETAs look back on: all that the stores keep.
RECENT_MATCHES = 1000
#: Seconds between two looks at the recent matches of a queue that somebody waits in: each reads about 60 KB.
RECENT_EVERY_SECONDS = 5.0
#: Seconds between two looks at who waits, in a queue where somebody waits long.
LINE_EVERY_SECONDS = 1.0
#: Seconds between two looks at what history says; it is worked out anew once a minute.
HISTORY_EVERY_SECONDS = 30.0
#: Seconds for which a queue is looked at after somebody asked.
ASKED_SECONDS = 30.0
#: Tickets above which nobody reads the whole line each second to tell why one of them waits: their players are told
#: nothing rather than all the others served late.
LONGEST_LINE = 5_000
#: Milliseconds for which a line says what is: an older one tells of people who are gone.
LINE_GOOD_MS = 5_000


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a waiting player is told."""

    eta: Eta = NOBODY_KNOWS
    #: Where the wait is long, and why is known.
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """The ticket that asks, of its first queue."""

    player_id: str
    queue: str
    rating: float
    region: str
    joined_ms: int


class Expectations:
    """Of one process. A thread of its own calls `refresh`; any thread asks, and never waits."""

    def __init__(
        self, *, store: TicketStore, pool: ServerPool, kept: KeptHistory, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`clock` tells monotonic seconds."""
        self._store = store
        self._pool = pool
        self._kept = kept
        self._clock = clock
        self._estimators: dict[str, Estimator] = {}
        self._around: dict[str, Surroundings] = {}
        self._histories: dict[str, QueueHistory] = {}
        #: By queue, when somebody asked at all, and when somebody who waits long did; monotonic seconds.
        self._asked: dict[str, float] = {}
        self._asked_why: dict[str, float] = {}
        #: When each part was refreshed.
        self._done: dict[tuple[str, str], float] = {}

    # --- asked by requests --------------------------------------------------------------------------

    def outlook(self, asker: Asker, rules: QueueRules, now_ms: int) -> Outlook:
        """No store is asked: tens of microseconds."""
        self._asked[asker.queue] = self._clock()
        eta = self.eta(asker, now_ms)
        waited_ms = max(0, now_ms - asker.joined_ms)
        if not self._waits_long(asker, waited_ms):
            return Outlook(eta)
        self._asked_why[asker.queue] = self._clock()
        around = self._around.get(asker.queue)
        if around is None or now_ms - around.line.at_ms > LINE_GOOD_MS:
            return Outlook(eta)
        return Outlook(eta, self.reason(asker, around, rules, now_ms))

    def _waits_long(self, asker: Asker, waited_ms: int) -> bool:
        if not waited_ms:
            return False
        return is_long(waited_ms, NOBODY_KNOWS) or is_long(waited_ms, self.eta(asker, asker.joined_ms))

    def eta(self, asker: Asker, now_ms: int) -> Eta:
        """From this process's newest look at the queue; `NOBODY_KNOWS` before the first."""
        estimator = self._estimators.get(asker.queue)
        if estimator is None:
            return NOBODY_KNOWS
        return estimator.eta(asker.rating, asker.region, max(0, now_ms - asker.joined_ms), now_ms)

    @staticmethod
    def reason(asker: Asker, around: Surroundings, rules: QueueRules, now_ms: int) -> Reason:
        seen = Seen(asker.rating, max(0, now_ms - asker.joined_ms), around.line.own_rows(asker.player_id))
        return why_waiting(
            seen,
            around,
            window=rules.search_window,
            match_format=rules.format,
            balance=rules.balance,
            now_ms=now_ms,
        )

    def history(self, queue: str) -> QueueHistory | None:
        return self._histories.get(queue)

    # --- called by the thread -----------------------------------------------------------------------

    def refresh_history(self) -> None:
        """Look again at what history says, if that is due. Raises `StoreUnavailable`; what was known stays."""
        if self._is_due("history", "", HISTORY_EVERY_SECONDS):
            self._histories = dict(self._kept.load())

    def refresh(self, rules: Mapping[str, QueueRules], now_ms: int) -> None:
        """Look again at whatever is due of the queues. Raises `StoreUnavailable` and `NotInCharge`; what was known
        stays."""
        for queue in rules:
            is_asked = self._clock() - self._asked.get(queue, -ASKED_SECONDS) < ASKED_SECONDS
            if (is_asked or queue not in self._estimators) and self._is_due("recent", queue, RECENT_EVERY_SECONDS):
                self.refresh_recent(queue, now_ms)
            is_asked_why = self._clock() - self._asked_why.get(queue, -ASKED_SECONDS) < ASKED_SECONDS
            if is_asked_why and self._is_due("line", queue, LINE_EVERY_SECONDS):
                self._around.pop(queue, None)
                around = self.look_around(rules[queue], now_ms, longest=LONGEST_LINE)
                if around is not None:
                    self._around[queue] = around

    def _is_due(self, part: str, queue: str, every_seconds: float) -> bool:
        now = self._clock()
        if now - self._done.get((part, queue), -every_seconds) < every_seconds:
            return False
        self._done[part, queue] = now
        return True

    def refresh_recent(self, queue: str, now_ms: int) -> None:
        """Build the queue's estimator anew."""
        history = self._histories.get(queue)
        recent = self._store.recent(queue, RECENT_MATCHES)
        self._estimators[queue] = Estimator(recent, history.hours if history else None, now_ms)

    def look_around(self, rules: QueueRules, now_ms: int, *, longest: int | None = None) -> Surroundings | None:
        """Who waits in the queue now, and what else may be in their way; None of a longer line than that."""
        counts = self._store.counts(rules.name, [])
        if longest is not None and counts.current_size > longest:
            return None
        line = Line(self._store.snapshot(rules.name), now_ms)
        lacks_seats = rules.placement is Placement.REQUIRED and not self._has_free_seat()
        return Surroundings(line, counts.last_round_ms, lacks_seats)

    def _has_free_seat(self) -> bool:
        ready = [server for server in self._pool.list() if server.status is ServerStatus.READY]
        return any(server.active_games < server.capacity for server in ready)
