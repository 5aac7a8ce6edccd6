"""Rules follow their file: whole, within two seconds, and never into what cannot be used."""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from matchmaking.rules import Rules, load_rules
from matchmaking.rules.live import LiveRules

TWO_QUEUES = "default_queue = 'ranked'\n[queues.ranked]\n[queues.casual]\n"


@dataclass
class Followed:
    """Rules that follow a file, and the time they are asked at, in seconds."""

    path: Path
    now: float = 1000.0

    def __post_init__(self) -> None:
        self.path.write_text(TWO_QUEUES, encoding="utf-8")
        self.live = LiveRules(self.path, load_rules(self.path), lambda: self.now)

    def write(self, text: str) -> None:
        self.path.write_text(text, encoding="utf-8")

    def after(self, *, seconds: float) -> Rules:
        """The rules when they were asked for every half second meanwhile."""
        for _ in range(round(seconds * 2)):
            self.now += 0.5
            self.live.current()
        return self.live.current()


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    return Followed(tmp_path / "queues.toml")


@pytest.fixture
def errors(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    caplog.set_level(logging.INFO)
    return lambda: [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_changed_setting_and_a_new_queue_count_within_two_seconds(followed: Followed) -> None:
    followed.after(seconds=5)

    followed.write(
        TWO_QUEUES.replace("[queues.casual]", "k_factor = 16\n[queues.casual]\n[queues.duos]\nteam_size = 2")
    )

    rules = followed.after(seconds=2)
    assert list(rules.queues) == ["ranked", "casual", "duos"]
    assert (rules.queues["ranked"].k_factor, rules.queues["duos"].format.team_size) == (16, 2)
    assert rules.closed == {}


def test_a_change_between_the_start_and_the_first_question_is_seen(followed: Followed) -> None:
    followed.write(TWO_QUEUES + "[queues.duos]\n")

    assert "duos" in followed.after(seconds=2).queues


def test_a_file_of_another_time_but_the_same_content_is_the_same_rules(followed: Followed) -> None:
    before = followed.after(seconds=5)

    os.utime(followed.path, (1, 1))
    assert followed.after(seconds=5) is before


def test_the_file_is_looked_at_once_a_second_however_often_the_rules_are_asked_for(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    stat = Path.stat
    monkeypatch.setattr(Path, "stat", lambda path, **_: looks.append(path) or stat(path))

    for _ in range(400):
        followed.now += 0.01
        followed.live.current()

    assert len(looks) == 4


def test_a_file_that_is_being_written_is_left_alone(followed: Followed, errors: Callable[[], list[str]]) -> None:
    followed.after(seconds=5)

    followed.write("[queues.ran")
    assert list(followed.after(seconds=1).queues) == ["ranked", "casual"]
    followed.write(TWO_QUEUES + "[queues.duos]\n")

    assert "duos" in followed.after(seconds=2).queues
    assert errors() == []


def test_a_bad_file_is_told_once_with_line_and_cure_and_the_rules_of_before_hold_on(
    followed: Followed, errors: Callable[[], list[str]]
) -> None:
    before = followed.after(seconds=5)

    followed.write(TWO_QUEUES + "teams = 1\n[queues.duos]\nteam = 2\n")

    assert followed.after(seconds=30) is before
    (error,) = errors()
    assert f"{followed.path}:4: queues.casual.teams: is 1 and has to be a whole number from 2 to 100" in error
    assert f"{followed.path}:6: queues.duos.team: is not a setting" in error
    followed.write(TWO_QUEUES + "[queues.duos]\n")
    assert "duos" in followed.after(seconds=2).queues


def test_a_file_that_goes_away_is_told_once_and_comes_back(followed: Followed, errors: Callable[[], list[str]]) -> None:
    before = followed.after(seconds=5)

    followed.path.unlink()
    assert followed.after(seconds=30) is before
    assert len(errors()) == 1
    assert "cannot be read" in errors()[0]

    followed.write("[queues.ranked]\n")
    assert list(followed.after(seconds=2).queues) == ["ranked"]


def test_a_queue_that_is_taken_out_is_closed_until_it_comes_back(followed: Followed) -> None:
    followed.write(TWO_QUEUES + "k_factor = 16\n")
    followed.after(seconds=5)

    followed.write("[queues.ranked]\n")
    rules = followed.after(seconds=2)
    assert (list(rules.queues), rules.closed["casual"].k_factor) == (["ranked"], 16)

    followed.write("[queues.ranked]\n[queues.duos]\n")
    rules = followed.after(seconds=2)
    assert (list(rules.queues), list(rules.closed)) == (["ranked", "duos"], ["casual"])
    assert set(rules.known) == {"ranked", "duos", "casual"}

    followed.write(TWO_QUEUES)
    rules = followed.after(seconds=2)
    assert (list(rules.queues), list(rules.closed)) == (["ranked", "casual"], ["duos"])
    assert rules.known["casual"].k_factor == 32


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (TWO_QUEUES.replace("'ranked'", "'casual'"), 1),
        ("[queues.casual]\n[queues.ranked]\n", 1),
        ("[queues.casual]", 1),
    ],
)
def test_another_default_queue_needs_a_restart(
    followed: Followed, errors: Callable[[], list[str]], text: str, line: int
) -> None:
    before = followed.after(seconds=5)

    followed.write(text)

    assert followed.after(seconds=5) is before
    (error,) = errors()
    assert f"{followed.path}:{line}: default_queue: is 'casual' now and was 'ranked'" in error


def test_the_log_says_which_queues_have_changed(followed: Followed, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    followed.after(seconds=5)

    followed.write("[queues.ranked]\nk_factor = 20\n[queues.duos]\n[queues.arena]\n")
    followed.after(seconds=2)

    assert [record.getMessage() for record in caplog.records] == [
        "the rules have changed: new: arena, duos; changed: ranked; closed: casual"
    ]
