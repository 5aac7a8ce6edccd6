"""Pools of solo players and parties for the tests of teams, and what must hold of every grouping of them."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from matchmaking.engine import GroupedMatch, Grouping, SearchWindow, WaitingTickets, find_groups
from matchmaking.engine.demands import BalanceRule, LatencyLimit, MatchFormat, PartyRule, RematchRule
from matchmaking.engine.traits import Traits, traits_text
from matchmaking.engine.win_probability import win_probabilities
from tests.unit.strategies import NOW_MS

NARROW = SearchWindow(base=20, step=30, every_seconds=10, max_extra=90)


@dataclass(frozen=True, slots=True)
class Seeker:
    """One row of `WaitingTickets`; `waited` in seconds."""

    id: str
    rating: float = 1500.0
    waited: float = 0.0
    party: str = ""
    traits: Traits = field(default_factory=Traits)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a queue asks, with defaults under which little is forbidden."""

    format: MatchFormat = field(default_factory=lambda: MatchFormat(2, 2))
    window: SearchWindow = NARROW
    latency: LatencyLimit = field(default_factory=LatencyLimit)
    rematch: RematchRule = field(default_factory=RematchRule)
    party: PartyRule = field(default_factory=PartyRule)
    balance: BalanceRule = field(default_factory=BalanceRule)


def seeking(seekers: list[Seeker]) -> WaitingTickets:
    return WaitingTickets(
        player_ids=[seeker.id for seeker in seekers],
        ratings=np.array([seeker.rating for seeker in seekers], dtype=np.float64),
        joined_ms=np.array([NOW_MS - round(seeker.waited * 1000) for seeker in seekers], dtype=np.int64),
        parties=[seeker.party for seeker in seekers],
        traits=[traits_text(seeker.traits) for seeker in seekers],
    )


def group(seekers: list[Seeker], asked: Asked) -> Grouping:
    return find_groups(
        seeking(seekers),
        format=asked.format,
        window=asked.window,
        latency=asked.latency,
        rematch=asked.rematch,
        party=asked.party,
        balance=asked.balance,
        now_ms=NOW_MS,
    )


def teams_of(seekers: list[Seeker], asked: Asked) -> set[frozenset[frozenset[str]]]:
    """The matches by player: each a set of teams, a team a set of players."""
    return {
        frozenset(frozenset(seekers[row].id for row in team) for team in match.teams)
        for match in group(seekers, asked).matches
    }


def match_of(*teams: str) -> frozenset[frozenset[str]]:
    """`match_of("ab", "cd")`: a and b against c and d."""
    return frozenset(frozenset(team) for team in teams)


def units_of(members: list[Seeker]) -> list[list[Seeker]]:
    """Parties, and solo players each alone."""
    by_party = itertools.groupby(sorted(members, key=lambda m: (m.party, m.id)), key=lambda m: m.party or m.id)
    return [list(unit) for _, unit in by_party]


def mean(unit: list[Seeker]) -> float:
    return sum(seeker.rating for seeker in unit) / len(unit)


def fault_of(match: GroupedMatch, seekers: list[Seeker], asked: Asked) -> str:
    """What is wrong with a match, in a word; "" where nothing is."""
    teams = [[seekers[row] for row in team] for team in match.teams]
    members = [seeker for team in teams for seeker in team]
    shortest = min(seeker.waited for seeker in members)
    if any(len(team) != asked.format.team_size for team in teams):
        return "team size"
    if not asked.format.fewest_teams(shortest) <= len(teams) <= asked.format.teams:
        return "teams"
    parties = {seeker.party for seeker in members if seeker.party}
    for party in parties:
        if sum(all(s in team for s in seekers if s.party == party) for team in teams) != 1:
            return "a party is parted"
    means = [mean(unit) for unit in units_of(members)]
    if max(means) - min(means) > asked.window.reach(shortest) + 1e-9:
        return "window"
    if any(other.id in seeker.traits.blocked for seeker in members for other in members):
        return "a block"
    told = [seeker.traits.latencies_ms for seeker in members if seeker.traits.latencies_ms]
    limit = asked.latency.limit(shortest)
    if (
        told
        and asked.latency.max_ms
        and not any(all(latencies.get(region, np.inf) <= limit for latencies in told) for region in told[0])
    ):
        return "no region"
    if any(latencies.get(match.region, np.inf) > limit for latencies in told if asked.latency.max_ms):
        return "region"
    largest = sorted(max(len(unit) for unit in units_of(team)) for team in teams)
    if largest[-1] > largest[-2] and shortest < asked.party.premade_against_solo_after_seconds:
        return "premade against solo"
    if favourite_of(teams) > asked.balance.limit(shortest) + 1e-6:
        return "a favourite"
    return ""


def favourite_of(teams: list[list[Seeker]]) -> float:
    """How likely the strongest team is to win against the weakest."""
    in_order = sorted(teams, key=lambda team: sum(seeker.rating for seeker in team))
    known = [[(seeker.rating, seeker.traits.deviation) for seeker in team] for team in (in_order[0], in_order[-1])]
    return win_probabilities(known)[1]


def team_pools(
    *, max_units: int, team_size: int, rating_steps: int = 200, min_units: int = 0
) -> st.SearchStrategy[list[Seeker]]:
    """Pools full of ties, with parties, latencies to two regions, blocks and recent opponents, in any order."""
    latencies = st.sampled_from([{}, {"eu": 30}, {"eu": 30, "us": 110}, {"eu": 120, "us": 20}, {"us": 60}])
    unit = st.tuples(
        st.integers(1, team_size) if team_size > 1 else st.just(1),
        st.integers(0, rating_steps),
        st.sampled_from([-5, 0, 9.999, 10, 20, 60]),
        latencies,
        st.lists(st.integers(0, max_units), max_size=2),
        st.integers(0, max_units),
    )
    return st.lists(unit, min_size=min_units, max_size=max_units).flatmap(
        lambda units: st.permutations(list(_seekers(units)))
    )


def _seekers(units: list[tuple[int, int, float, dict[str, int], list[int], int]]) -> Iterator[Seeker]:
    for number, (size, half, waited, latencies, recent, blocked) in enumerate(units):
        traits = Traits(
            latencies_ms=latencies,
            deviation=120.0 if number % 3 == 0 else 0.0,
            recent=tuple(f"{other:02}-0" for other in recent),
            blocked=frozenset({f"{blocked:02}-0"}) if blocked % 4 == 0 and blocked != number else frozenset(),
        )
        party = f"party-{number:02}" if size > 1 else ""
        for member in range(size):
            yield Seeker(f"{number:02}-{member}", 1500 + half / 2 + 3 * member, waited, party, traits)
