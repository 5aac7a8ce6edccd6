"""`queues.toml`: read whole, or refused with file, line, reason and cure."""

from pathlib import Path

import pytest

from matchmaking.rules import Placement, RulesError, load_rules
from players.rating_models import RatingModel

GOOD = """\
default_queue = "ranked"

[queues.ranked]
placement = "required"
ticket_ttl_seconds = 60

[queues.ranked.search_window]
base = 50

[queues.casual]
"""


def rules_of(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "queues.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_not_said_is_the_default(tmp_path: Path) -> None:
    rules = load_rules(rules_of(tmp_path, GOOD))

    ranked, casual = rules.queues["ranked"], rules.queues["casual"]
    assert (rules.default_queue, ranked.placement, ranked.ticket_ttl_ms) == ("ranked", Placement.REQUIRED, 60_000)
    assert (ranked.search_window.base, ranked.search_window.max_extra) == (50, 500)
    assert (casual.ticket_ttl_seconds, casual.match_ttl_seconds, casual.placement) == (300, 3600, Placement.OPTIONAL)


def test_a_queue_names_its_rating_model_and_elo_is_what_is_not_said(tmp_path: Path) -> None:
    text = GOOD.replace('placement = "required"', 'rating_model = "glicko2"')

    queues = load_rules(rules_of(tmp_path, text)).queues

    assert [queues[name].rating_model for name in ("ranked", "casual")] == [RatingModel.GLICKO2, RatingModel.ELO]


def test_the_shipped_file_holds_the_window_of_the_guide() -> None:
    rules = load_rules(Path(__file__).parents[2] / "queues.toml")

    window = rules.queues["ranked"].search_window
    assert (window.base, window.step, window.every_seconds, window.max_extra) == (100, 10, 10, 500)
    assert rules.default_queue == "ranked"


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("ticket_ttl_seconds = 60", "ticket_ttl_seconds = 0", 5, "from 1 to 86400"),
        ("ticket_ttl_seconds = 60", 'ticket_ttl_seconds = "60"', 5, "a number"),
        ("ticket_ttl_seconds = 60", "ticket_ttl_seconds = true", 5, "a number"),
        ("ticket_ttl_seconds = 60", "ticket_ttl_seconds = nan", 5, "a number"),
        ("ticket_ttl_seconds = 60", "ticket_ttl = 60", 5, "is not a setting"),
        ('placement = "required"', 'placement = "sometimes"', 4, "optional, required, none"),
        ('placement = "required"', "placement = []", 4, "optional, required, none"),
        ('placement = "required"', 'rating_model = "trueskill"', 4, "elo, glicko2, openskill"),
        ('placement = "required"', "rematch = 1", 4, "is not a setting"),
        ("base = 50", "base = -1", 8, "from 0 to 10000"),
        ("base = 50", "bas = 50", 8, "is not a setting: known are base"),
        ("base = 50", "every_seconds = 0", 8, "above 0"),
        ("base = 50", "step = 0\nmax_extra = 10", 9, "cannot be reached"),
        ("[queues.casual]", "[queues.Casual]", 10, "no queue name"),
        ('default_queue = "ranked"', 'default_queue = "other"', 1, "not one of ranked, casual"),
        ('default_queue = "ranked"', 'default = "ranked"', 1, "is not a setting"),
    ],
)
def test_a_fault_is_refused_with_its_line_and_the_cure(
    tmp_path: Path, old: str, new: str, line: int, reason: str
) -> None:
    path = rules_of(tmp_path, GOOD.replace(old, new))

    with pytest.raises(RulesError) as refusal:
        load_rules(path)

    assert reason in str(refusal.value)
    assert str(refusal.value).startswith(f"{path}:{line}: ")


@pytest.mark.parametrize("text", ["", "queues = 5", "[queues]", "[queues]\nranked = 1", "[[[", "a = "])
def test_a_file_without_queues_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(RulesError):
        load_rules(rules_of(tmp_path, text))


def test_a_file_that_is_not_there_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match="QUEUES_FILE"):
        load_rules(tmp_path / "none.toml")
