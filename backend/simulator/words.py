"""Words of the command line, as values: shares such as `eu:0.6,us:0.4`, seeds, where ratings come from."""

from collections.abc import Mapping
from pathlib import Path

from simulator.ratings import PUBLISHED, Curve, Normal, published_ratings
from simulator.sources import ratings_from_file


class WordsError(ValueError):
    """They say nothing that can be used; the message says why."""


def shares_of(words: str) -> Mapping[str, float]:
    """`eu:0.6,us:0.3,ap:0.1`: names and shares, which need not sum to 1."""
    shares: dict[str, float] = {}
    for word in filter(None, (part.strip() for part in words.split(","))):
        name, colon, text = word.rpartition(":")
        try:
            share = float(text)
        except ValueError:
            share = -1.0
        if not colon or not name.strip() or not 0 <= share < float("inf") or name.strip() in shares:
            raise WordsError(f"{words!r}: write it as eu:0.6,us:0.4, each once")
        shares[name.strip()] = share
    if not sum(shares.values()) > 0:
        raise WordsError(f"{words!r}: gives nobody a share")
    return shares


def sizes_of(words: str, largest: int) -> Mapping[int, float]:
    """`1:0.6,2:0.4`: sizes of parties, up to the largest that the queue lets in, and shares of joins."""
    shares = shares_of(words)
    for size in shares:
        if not size.isdecimal() or not 1 <= int(size) <= largest:
            raise WordsError(f"{size!r} is no size of a party that the queue lets in, which is from 1 to {largest}")
    return {int(size): share for size, share in shares.items()}


def seeds_of(words: str, first: int) -> list[int]:
    """`3` is so many from the first on, `101,205` or `101,` is these."""
    try:
        numbers = [int(word) for word in words.split(",") if word.strip()]
    except ValueError:
        numbers = []
    seeds = [first + count for count in range(numbers[0])] if numbers and "," not in words else numbers
    if not seeds or min(seeds) < 0 or len(set(seeds)) < len(seeds) or len(seeds) > 1_000:
        raise WordsError(f"{words!r}: is neither how many nor a list such as 101,102")
    return seeds


def curve_of(words: str, mean: float | None, spread: float | None) -> Curve:
    """`normal`, a published distribution, or a CSV file with a column `rating`."""
    if words == "normal":
        return Normal(1500.0 if mean is None else mean, 350.0 if spread is None else spread)
    if mean is not None or spread is not None:
        raise WordsError(f"{words!r}: --mean and --spread are of normal ratings")
    if words in PUBLISHED:
        return published_ratings(words)
    if not words.endswith(".csv"):
        raise WordsError(f"{words!r} is not normal, {', '.join(PUBLISHED)} or a file that ends in .csv")
    return ratings_from_file(Path(words))
