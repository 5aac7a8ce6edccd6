"""What history says of a queue: hours of the day, service levels, whether ETAs were kept. Worked out now and then."""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from matchmaking.expectations.calibration import Calibration, calibrate
from matchmaking.expectations.hours import HourlyWaits, hourly_waits
from matchmaking.expectations.service_levels import Level, service_levels
from matchmaking.recent import RecentMatches

#: Matched players, newest first, whose waits are compared with what they would have been told.
CALIBRATED = 4000


@dataclass(frozen=True, slots=True)
class QueueHistory:
    """Of one queue, as of `at_ms`."""

    at_ms: int
    hours: HourlyWaits | None = None
    levels: dict[str, Level] = field(default_factory=dict)
    calibration: Calibration = field(default_factory=Calibration)

    def to_tree(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "at_ms": self.at_ms,
            "hours": self.hours.to_tree() if self.hours else None,
            "levels": {name: asdict(level) for name, level in self.levels.items()},
            "calibration": asdict(self.calibration),
        }

    @classmethod
    def of_tree(cls, tree: dict[str, Any]) -> "QueueHistory":
        """Back from JSON."""
        return cls(
            at_ms=tree["at_ms"],
            hours=HourlyWaits.of_tree(tree["hours"]) if tree["hours"] else None,
            levels={name: Level(**level) for name, level in tree["levels"].items()},
            calibration=Calibration(**tree["calibration"]),
        )


def queue_history(played: RecentMatches, games_before: np.ndarray, now_ms: int) -> QueueHistory:
    """From matched players' columns, newest match first; `games_before` are each one's rated games before it."""
    older = slice(CALIBRATED, None)
    hours_before = hourly_waits(played.ratings[older], played.waits_ms[older], played.at_ms[older])
    return QueueHistory(
        at_ms=now_ms,
        hours=hourly_waits(played.ratings, played.waits_ms, played.at_ms),
        levels=service_levels(played.ratings, played.waits_ms, played.gaps, games_before),
        calibration=calibrate(played, hours_before, asked=CALIBRATED),
    )
