"""What is known of a player beside the rating, as the ticket carries it; and the form in which it does.

One text of `key=value` fields with `;` between: `d=87.5;g=12;l=eu:40,us:120;r=<id>,<id>;b=<id>`. Without `|`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Traits:
    """Of one player, in one queue."""

    #: Rating points: how uncertain the rating is; 0 where the rating model has none.
    deviation: float = 0.0
    #: Rated games in this queue.
    games: int = 0
    #: Milliseconds, by region; empty where the player has told none.
    latencies_ms: Mapping[str, int] = field(default_factory=dict)
    #: Ids of recent opponents, the last one first.
    recent: tuple[str, ...] = ()
    #: Ids of players whom this one will not play with.
    blocked: frozenset[str] = frozenset()


def traits_text(traits: Traits) -> str:
    """As the ticket carries it; "" where there is nothing to say."""
    fields = []
    if traits.deviation:
        fields.append(f"d={traits.deviation:g}")
    if traits.games:
        fields.append(f"g={traits.games}")
    if traits.latencies_ms:
        fields.append("l=" + ",".join(f"{region}:{ms}" for region, ms in sorted(traits.latencies_ms.items())))
    if traits.recent:
        fields.append("r=" + ",".join(traits.recent))
    if traits.blocked:
        fields.append("b=" + ",".join(sorted(traits.blocked)))
    return ";".join(fields)


def traits_of(text: str) -> Traits:
    """Back from the text. A field that comes twice counts as it came last; an unknown one is passed over."""
    said = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    return Traits(
        deviation=float(said.get("d", 0.0)),
        games=int(said.get("g", 0)),
        latencies_ms=dict(_latencies(said.get("l", "").split(","))),
        recent=tuple(filter(None, said.get("r", "").split(","))),
        blocked=frozenset(filter(None, said.get("b", "").split(","))),
    )


def _latencies(words: Iterable[str]) -> Iterable[tuple[str, int]]:
    for word in filter(None, words):
        region, _, ms = word.rpartition(":")
        yield region, int(ms)
