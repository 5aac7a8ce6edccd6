"""Several policies on the same arrivals, and how far each is from the limit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from matchmaking.engine.demands import MatchFormat
from simulator.arrivals import Arrivals
from simulator.clockwork import simulate
from simulator.figures import Figures, RegionFigures, bands_of, figures_of, regions_of
from simulator.limit import LimitPoint, limit_curve, multiple_of_limit
from simulator.policies.faf import Faf
from simulator.policies.faf_teams import FafTeams
from simulator.policies.flex_match import FlexMatchLike
from simulator.policies.in_turn import NakamaLike, OpenMatchLike, PlayFabLike
from simulator.policies.lichess import Lichess
from simulator.policies.on_join import Original, Showdown
from simulator.policies.port import Policy

#: By the words of the command line: where two play.
PEERS: Mapping[str, Callable[[], Policy]] = {
    "lichess": Lichess,
    "faf": Faf,
    "showdown": Showdown,
    "playfab": PlayFabLike,
    "nakama": NakamaLike,
    "openmatch": OpenMatchLike,
    "original": Original,
}
#: The same where two teams of several play.
TEAM_PEERS: Mapping[str, Callable[[int], Policy]] = {"faf": FafTeams, "flexmatch": FlexMatchLike}
#: All words of peers.
WORDS = tuple(dict.fromkeys((*PEERS, *TEAM_PEERS)))
#: Prices of the limit's curve, as multiples of the arrivals a second: from far gaps at once to close ones at leisure.
PRICES = (0.3, 1.0, 3.0, 10.0, 40.0, 200.0)
#: Players whose limit is looked for, the first ones: a matching of all takes minutes.
LIMIT_PLAYERS = 1_000


def peer(word: str, format: MatchFormat, *, original_scale: float = 1.0) -> Policy | None:
    """The peer's policy for matches of this format, or None where it has none."""
    if format.is_duel:
        if word == "original":
            return Original(original_scale)
        return PEERS[word]() if word in PEERS else None
    return TEAM_PEERS[word](format.team_size) if word in TEAM_PEERS and format.teams == 2 else None


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """`bands` by name, "all" among them, and `regions` by name; `multiple` is None where no limit was looked for.

    Of several seeds these are means, and `spreads` and `multiple_spread` how far the seeds stray (standard deviation).
    """

    policy: str
    bands: Mapping[str, Figures]
    multiple: float | None
    regions: Mapping[str, RegionFigures] = field(default_factory=dict)
    spreads: Mapping[str, Figures] = field(default_factory=dict)
    multiple_spread: float | None = None


@dataclass(frozen=True, slots=True)
class Study:
    """One set of arrivals, or one of each seed: what it is called, whether two play, the limit's curve (of the first
    seed) or nothing, and how each policy did."""

    title: str
    is_duel: bool
    seeds: Sequence[int]
    per_second: float
    limit: Sequence[LimitPoint]
    results: Sequence[PolicyResult]


def study(
    title: str,
    arrivals: Arrivals,
    policies: Sequence[Policy],
    *,
    seed: int,
    with_limit: bool,
    is_duel: bool = True,
    on_step: Callable[[str, int], None] = lambda doing, joined: None,
) -> Study:
    """Run them one after the other. `on_step` hears what is being done, and how many have joined there."""
    per_second = (len(arrivals) - 1) * 1000 / max(1, int(arrivals.joined_ms[-1] - arrivals.joined_ms[0]))
    limit: Sequence[LimitPoint] = ()
    if with_limit:
        on_step("the limit", 0)
        limit = limit_curve(arrivals.first(LIMIT_PLAYERS), [price * per_second for price in PRICES])
    results = []
    for policy in policies:
        outcome = simulate(arrivals, policy, seed, lambda joined, name=policy.name: on_step(name, joined))  # type: ignore[misc]
        bands = {name: figures_of(outcome, chosen) for name, chosen in bands_of(outcome).items()}
        everyone = bands["all"]
        multiple = multiple_of_limit(limit, everyone.wait_mean, everyone.gap_mean) if limit else None
        results.append(PolicyResult(policy.name, bands, multiple, regions_of(outcome)))
    return Study(title, is_duel, (seed,), per_second, limit, results)
