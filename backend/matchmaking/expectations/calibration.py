"""Were the ETAs kept? History is played again: what each player would have been told at the join, and what came."""

from dataclasses import dataclass

import numpy as np

from matchmaking.expectations.eta import Estimator
from matchmaking.expectations.hours import HourlyWaits
from matchmaking.recent import RecentMatches

#: Matched players that an estimator looks back on, as web processes do.
LOOKS_BACK = 2000
#: Matched players after whose matches a new estimator is built, as web processes do every few seconds.
REBUILT_AFTER = 20


@dataclass(frozen=True, slots=True)
class Calibration:
    """Shares, 0 to 1, of waits that were not longer than told; None where no ETA was given. Good is 0.5 and 0.9."""

    p50_kept: float | None = None
    p90_kept: float | None = None
    #: ETAs that were given.
    of: int = 0


def calibrate(played: RecentMatches, hours: HourlyWaits | None = None, *, asked: int = 4000) -> Calibration:
    """Of the last `asked` matched players. Each is told from what was known at the join: matches made before it, and
    `hours`, which have to be of older matches."""
    if not len(played.ratings):
        return Calibration()
    by_time = np.argsort(played.at_ms, kind="stable")
    joined_ms = played.at_ms - played.waits_ms
    at_ms, regions = played.at_ms[by_time], list(played.regions)
    estimator, known = None, -REBUILT_AFTER
    told = []
    for row in sorted(by_time[-asked:].tolist(), key=lambda one: int(joined_ms[one])):
        now_ms = int(joined_ms[row])
        before = int(np.searchsorted(at_ms, now_ms, side="right"))
        if before - known >= REBUILT_AFTER:
            estimator, known = (
                _estimator_of(played, by_time[max(0, before - LOOKS_BACK) : before], hours, now_ms),
                before,
            )
        if estimator is not None:
            eta = estimator.eta(float(played.ratings[row]), regions[row], 0, now_ms)
            if eta.p50_seconds is not None and eta.p90_seconds is not None:
                waited = played.waits_ms[row] / 1000
                told.append((waited <= eta.p50_seconds, waited <= eta.p90_seconds))
    if not told:
        return Calibration()
    p50, p90 = np.mean(told, axis=0).tolist()
    return Calibration(round(p50, 3), round(p90, 3), len(told))


def _estimator_of(played: RecentMatches, rows: np.ndarray, hours: HourlyWaits | None, now_ms: int) -> Estimator:
    seen = RecentMatches(
        ratings=played.ratings[rows],
        waits_ms=played.waits_ms[rows],
        gaps=played.gaps[rows],
        at_ms=played.at_ms[rows],
        regions=[played.regions[row] for row in rows],
    )
    return Estimator(seen, hours, now_ms)
