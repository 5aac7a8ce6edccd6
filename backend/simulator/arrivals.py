"""Who comes to the queue, when, how strong, from where, with whom, and for how long they wait."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from simulator.geography import draw_homes, draw_latencies
from simulator.ratings import Ratings

#: Seconds after which a player who found nobody is gone.
PATIENCE_SECONDS = 300.0
#: Rating points by which members of a party stray from its first one: friends are much alike, not the same.
MATES_SPREAD = 100.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """What all who come are like. `parties` is the share of joins by size, `regions` that of players by name, the
    nearest to each other side by side; empty: all alone, and nobody tells a latency."""

    ratings: Ratings = field(default_factory=Ratings)
    patience_seconds: float = PATIENCE_SECONDS
    parties: Mapping[int, float] = field(default_factory=dict)
    regions: Mapping[str, float] = field(default_factory=dict)

    def draw_sizes(self, players: int, dice: np.random.Generator) -> np.ndarray:
        """Players of each join, in order, so many in all: the last party may be cut short."""
        if not self.parties:
            return np.ones(players, dtype=np.intp)
        shares = np.array(list(self.parties.values()))
        sizes = dice.choice(list(self.parties), size=players, p=shares / shares.sum())
        joins = int(np.searchsorted(np.cumsum(sizes), players)) + 1
        sizes = sizes[:joins]
        sizes[-1] -= sizes.sum() - players
        return sizes


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Parallel columns, one row a player, in order of joining; a party's members follow each other.

    `joined_ms` and `leaves_ms` int64, milliseconds since the run began: who has found nobody by then is gone.
    `ratings` and `deviations` float64, rating points; `games` int64, rated games before.
    `parties` is empty where all come alone, else "" or the party's id. `regions` are names, of which `homes` intp is
    the place of each player's own, and `latencies_ms` float64 (players, regions); empty where nobody tells.
    """

    joined_ms: np.ndarray
    leaves_ms: np.ndarray
    ratings: np.ndarray
    deviations: np.ndarray
    games: np.ndarray
    player_ids: Sequence[str]
    parties: Sequence[str] = ()
    regions: tuple[str, ...] = ()
    homes: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    latencies_ms: np.ndarray = field(default_factory=lambda: np.empty((0, 0)))

    def __len__(self) -> int:
        return len(self.joined_ms)

    def first(self, count: int) -> "Arrivals":
        """The first so many, or all."""
        return replace(
            self,
            joined_ms=self.joined_ms[:count],
            leaves_ms=self.leaves_ms[:count],
            ratings=self.ratings[:count],
            deviations=self.deviations[:count],
            games=self.games[:count],
            player_ids=self.player_ids[:count],
            parties=self.parties[:count],
            homes=self.homes[:count],
            latencies_ms=self.latencies_ms[:count],
        )


def poisson_arrivals(players: int, per_second: float, dice: np.random.Generator, crowd: Crowd = Crowd()) -> Arrivals:
    """So many players; joins, a player's or a party's, come by chance whenever the others do."""
    sizes = crowd.draw_sizes(players, dice)
    return arrivals_at(np.cumsum(dice.exponential(1 / per_second, len(sizes))), sizes, dice, crowd)


def arrivals_at(joined_seconds: np.ndarray, sizes: np.ndarray, dice: np.random.Generator, crowd: Crowd) -> Arrivals:
    """Players who come at these times, ascending, so many at once."""
    joins = np.repeat(np.arange(len(sizes)), sizes)
    points, deviations, games = crowd.ratings.draw(len(joins), dice)
    joined_ms = np.rint(joined_seconds * 1000).astype(np.int64)[joins]
    come = Arrivals(
        joined_ms=joined_ms,
        leaves_ms=joined_ms + round(crowd.patience_seconds * 1000),
        ratings=points,
        deviations=deviations,
        games=games,
        player_ids=[f"player-{row}" for row in range(len(joins))],
    )
    if crowd.parties:
        come = _in_parties(come, joins, sizes, dice)
    return (
        live_in(come, crowd.regions, draw_homes(crowd.regions, len(sizes), dice)[joins], dice)
        if crowd.regions
        else come
    )


def live_in(come: Arrivals, regions: Iterable[str], homes: np.ndarray, dice: np.random.Generator) -> Arrivals:
    """The same players, each with the latencies of who lives in the region at this place."""
    names = tuple(regions)
    return replace(come, regions=names, homes=homes, latencies_ms=draw_latencies(homes, len(names), dice))


def _in_parties(come: Arrivals, joins: np.ndarray, sizes: np.ndarray, dice: np.random.Generator) -> Arrivals:
    """Members are about as strong as the first of them."""
    firsts = (np.cumsum(sizes) - sizes)[joins]
    strays = dice.normal(0, MATES_SPREAD, len(joins))
    is_first = firsts == np.arange(len(joins))
    return replace(
        come,
        ratings=np.where(is_first, come.ratings, come.ratings[firsts] + strays),
        parties=[f"party-{join}" if sizes[join] > 1 else "" for join in joins.tolist()],
    )
