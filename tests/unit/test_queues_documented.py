"""`docs/queues.md` has every setting of a queue with its default and bounds, and the examples are what it says."""

import re
from dataclasses import MISSING, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from matchmaking.engine.demands import BalanceRule, LatencyLimit, MatchFormat, PartyRule, RematchRule
from matchmaking.engine.patience import Patience
from matchmaking.engine.search_window import SearchWindow
from matchmaking.rules import QueueRules, bounds, load_rules
from matchmaking.rules.explain import explain

REPO = Path(__file__).resolve().parents[2]
DOCUMENT = (REPO / "docs" / "queues.md").read_text(encoding="utf-8")
EXAMPLES = load_rules(REPO / "queues.examples.toml").queues

#: By the table of the file: what it is read into, and the bounds of its numbers.
TABLES: dict[str, tuple[list[type[Any]], bounds.Bounds]] = {
    "queues.x": ([QueueRules, MatchFormat], {**bounds.QUEUE, **bounds.FORMAT}),
    "queues.x.search_window": ([SearchWindow], bounds.WINDOW),
    "queues.x.search_window.patience": ([Patience], bounds.PATIENCE),
    "queues.x.latency": ([LatencyLimit], bounds.LATENCY),
    "queues.x.rematch": ([RematchRule], bounds.REMATCH),
    "queues.x.party": ([PartyRule], bounds.PARTY),
    "queues.x.balance": ([BalanceRule], bounds.BALANCE),
}
#: Tables of their own, and what no file says.
WITHOUT_UNIT = ("rating_model", "placement", "backfill", "priority", "steps", "whose_wait", "rarity", "growth_power")
NOT_IN_A_TABLE = {"name", "format", "search_window", "patience", "latency", "rematch", "party", "balance"}


def rows(table: str) -> dict[str, list[str]]:
    """The cells of each row after the setting's name: unit, default, what it may be, what it does."""
    text = re.search(rf"^### \[{re.escape(table)}\]\n(.*?)(?=^##)", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert text, table
    found = re.findall(r"^\| `(\w+)` \|(.*)\|$", text[1], re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in found}


def settings_of(made: list[type[Any]]) -> dict[str, Any]:
    """Name and default of everything that the file can say in one table."""
    of_all = [field for one in made for field in fields(one) if field.name not in NOT_IN_A_TABLE]
    assert all(field.default is not MISSING for field in of_all)
    return {field.name: field.default for field in of_all}


@pytest.mark.parametrize("table", TABLES)
def test_every_setting_of_a_table_is_documented_with_unit_and_reason(table: str) -> None:
    documented = rows(table)

    assert documented.keys() == settings_of(TABLES[table][0]).keys()
    for name, (unit, _, _, reason) in documented.items():
        assert reason, name
        assert unit or name in WITHOUT_UNIT, name


@pytest.mark.parametrize("table", TABLES)
def test_the_defaults_and_bounds_of_the_document_are_those_that_hold(table: str) -> None:
    made, allowed = TABLES[table]
    for name, default in settings_of(made).items():
        _, shown, may_be, _ = rows(table)[name]
        if isinstance(default, StrEnum):
            assert (shown, may_be) == (default.value, ", ".join(f"`{word}`" for word in type(default))), name
        elif isinstance(default, tuple):
            assert (shown, default) == ("none", ()), name
        else:
            assert (float(shown), may_be) == (default, str(allowed[name])), name


@pytest.mark.parametrize("table", TABLES)
def test_every_number_has_bounds_and_every_bound_a_number(table: str) -> None:
    made, allowed = TABLES[table]

    numbers = {name for name, default in settings_of(made).items() if type(default) in (int, float)}
    assert allowed.keys() == numbers


def test_the_examples_are_the_queues_that_the_document_explains() -> None:
    section = DOCUMENT.partition("## The examples")[2].partition("\n## ")[0]

    assert re.findall(r"^\*\*`(\w+)`\*\*", section, re.MULTILINE) == list(EXAMPLES)


def test_the_examples_are_the_kinds_of_match_that_studios_ask_for() -> None:
    kinds = {
        name: (rules.format.teams, rules.format.team_size, rules.party.max_size) for name, rules in EXAMPLES.items()
    }

    assert kinds == {
        "ranked": (2, 1, 1),
        "casual": (2, 1, 1),
        "duos": (2, 2, 2),
        "squads": (2, 5, 5),
        "royale": (10, 1, 1),
    }


@pytest.mark.parametrize(
    ("queue", "line"),
    [
        ("ranked", "  after 60 s: opponents rated 1280 to 1720; regions within 120 ms."),
        ("casual", "  after 10 s: opponents rated 1000 to 2000."),
        ("royale", "  after 60 s: opponents rated 500 to 2500; 7 to 10 players."),
        (
            "squads",
            "  after 60 s: team mates and opponents rated 1100 to 1900; regions within 150 ms; "
            "a favourite of 71 % at most; also sides with a larger party than the others.",
        ),
        ("royale", "- A match never starts with fewer than 6 players."),
    ],
)
def test_the_examples_mean_what_the_document_says(queue: str, line: str) -> None:
    assert line in explain(EXAMPLES[queue], 1500).splitlines()


def test_the_explanation_in_the_document_is_the_one_of_the_command() -> None:
    shown = re.search(r"^```\n(ranked: .*?)…\n```", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert shown

    assert explain(load_rules(REPO / "queues.toml").queues["ranked"], 1500).startswith(shown[1].rstrip("\n"))
