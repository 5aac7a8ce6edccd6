"""What a player of a rating meets, in plain words: each rule is told, and told as it is."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from matchmaking.rules import QueueRules, load_rules
from matchmaking.rules.explain import explain, summary
from matchmaking.rules.reader import read_rules

BACKEND = Path(__file__).parents[2] / "backend"


def a_queue(text: str = "") -> QueueRules:
    return read_rules(f"[queues.arena]\n{text}", Path("queues.toml")).queues["arena"]


def at(text: str, seconds: float, *, rating: float = 1500) -> str:
    """What is said of this moment."""
    lines = explain(a_queue(text), rating, (seconds,)).splitlines()
    (line,) = (line for line in lines if line.startswith("  after "))
    return line.removeprefix(f"  after {seconds:g} s: ").removesuffix(".")


def always(text: str, about: str, *, rating: float = 1500) -> str:
    """The one line of all the time that has these words."""
    (line,) = (line for line in explain(a_queue(text), rating).splitlines() if line[:2] == "- " and about in line)
    return line.removeprefix("- ")


@pytest.mark.parametrize(
    ("seconds", "who"),
    [
        (0, "opponents rated 1400 to 1600"),
        (9, "opponents rated 1400 to 1600"),
        (10, "opponents rated 1390 to 1610"),
        (60, "opponents rated 1340 to 1660"),
        (500, "opponents rated 900 to 2100"),
        (9000, "opponents rated 900 to 2100"),
    ],
)
def test_the_window_of_the_guide_widens_by_ten_points_every_ten_seconds(seconds: float, who: str) -> None:
    assert at("", seconds) == who


def test_a_window_of_steps_jumps_at_each() -> None:
    text = "base = 50"
    steps = "search_window.steps = [{ after_seconds = 20, points = 30 }, { after_seconds = 45, points = 250 }]"
    said = [at(f"search_window.{text}\n{steps}", seconds) for seconds in (0, 20, 44, 45)]

    assert said == [
        "opponents rated 1450 to 1550",
        "opponents rated 1420 to 1580",
        "opponents rated 1420 to 1580",
        "opponents rated 1200 to 1800",
    ]
    assert always(f"search_window.{text}\n{steps}", "widest") == "The search window is widest after 45 s: 1200 to 1800."


@pytest.mark.parametrize(
    ("window", "said"),
    [
        ("", "The search window is widest after 500 s: 900 to 2100."),
        ("step = 150, max_extra = 500, every_seconds = 60", "The search window is widest after 4 min: 900 to 2100."),
        ("step = 0", "The search window never grows: 1400 to 1600."),
        ("max_extra = 0", "The search window never grows: 1400 to 1600."),
    ],
)
def test_it_says_when_the_window_is_widest(window: str, said: str) -> None:
    assert always(f"search_window = {{ {window} }}", "search window") == said


@pytest.mark.parametrize(
    ("whose", "said"),
    [
        ("shorter", "The shorter wait of two counts for both: who has just joined is met within 1400 to 1600 only."),
        ("longer", "The longer wait of two counts for both: who has just joined is met as far as this player looks."),
        (
            "own",
            "Each looks as far as the own wait allows, and both have to accept: who has just joined is met within ",
        ),
    ],
)
def test_it_says_whose_wait_counts(whose: str, said: str) -> None:
    assert always(f"search_window.whose_wait = '{whose}'", "just joined").startswith(said)


def test_patience_is_told_with_its_numbers() -> None:
    said = always("search_window.patience = { close = 31, far = 207 }", "taken at once")

    assert "up to 31 points away" in said
    assert "to 207 points" in said
    assert "taken at once" not in explain(a_queue())


def test_regions_come_into_reach_with_waiting() -> None:
    text = "latency = { max_ms = 80, step_ms = 15, every_seconds = 20, max_extra_ms = 40 }"

    assert [at(text, seconds).partition("; ")[2] for seconds in (0, 20, 40, 60)] == [
        "regions within 80 ms",
        "regions within 95 ms",
        "regions within 110 ms",
        "regions within 120 ms",
    ]
    assert "within 80 ms, and at last within 120 ms" in always(text, "in a region")
    assert "within 70 ms;" in always("latency.max_ms = 70", "in a region")
    assert "no limit of latency" in always("", "region")
    assert "ms" not in at("", 60)


def test_fewer_players_are_enough_after_a_while() -> None:
    text = "teams = 10\nmin_teams = 6\nrelax_after_seconds = 30\nrelax_every_seconds = 15"

    assert [at(text, seconds).partition("; ")[2] for seconds in (29, 30, 45, 90, 900)] == [
        "all 10 players",
        "9 to 10 players",
        "8 to 10 players",
        "6 to 10 players",
        "6 to 10 players",
    ]
    assert always(text, "fewer than") == "A match never starts with fewer than 6 players."


def test_fewer_teams_are_teams_and_not_players() -> None:
    text = "teams = 4\nteam_size = 3\nmin_teams = 2\nrelax_after_seconds = 5"

    assert at(text, 5) == "team mates and opponents rated 1400 to 1600; 3 to 4 teams"
    assert always(text, "fewer than") == "A match never starts with fewer than 2 teams."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "1 against 1"),
        ("team_size = 5", "5 against 5"),
        ("teams = 10", "free-for-all of 10"),
        ("teams = 3\nteam_size = 4", "3 teams of 4"),
    ],
)
def test_the_first_line_says_what_a_match_is(text: str, said: str) -> None:
    assert explain(a_queue(text)).splitlines()[0] == f"arena: {said}."


def test_the_favourite_grows_with_waiting() -> None:
    text = "team_size = 5\nbalance = { max_favourite = 0.65, step = 0.025, every_seconds = 20, max_extra = 0.1 }"

    assert [at(text, seconds).partition("; ")[2] for seconds in (19, 20, 40, 900)] == [
        "a favourite of 65 % at most",
        "a favourite of 67.5 % at most",
        "a favourite of 70 % at most",
        "a favourite of 75 % at most",
    ]
    assert "against the other in 65 % of matches at most; after waiting, up to 75 %" in always(text, "predicted")
    fixed = "teams = 3\nteam_size = 5\nbalance = { max_favourite = 0.65 }"
    assert "against the weakest in 65 % of matches at most; else" in always(fixed, "predicted")
    assert "favourite" not in explain(a_queue("team_size = 5"))


def test_parties_are_told_and_what_guards_the_others() -> None:
    text = "team_size = 5\nparty = { max_size = 3, premade_against_solo_after_seconds = 60 }"

    assert always("", "Parties") == "Parties cannot join: every ticket is for one player."
    assert always("team_size = 5\nparty.max_size = 3", "Parties") == (
        "Parties of up to 3 join as one and play in one team."
    )
    assert always(text, "Parties").endswith("than every other, all have waited 1 min before the match.")
    assert at(text, 59).endswith("; no side with a larger party")
    assert at(text, 60).endswith("; also sides with a larger party than the others")


def test_rematches_are_told_with_the_points_of_the_last_opponent() -> None:
    said = always("rematch = { last = 3, points = 150 }", "opponent of the last match")

    assert "counts as 150 points further away" in said
    assert "after 3 matches" in said
    assert "met again at once" in always("", "opponents may")


@pytest.mark.parametrize(
    ("placement", "said"), [("optional", "starts without"), ("required", "waits for a free seat"), ("none", "no seat")]
)
def test_it_says_whether_a_match_has_a_server(placement: str, said: str) -> None:
    assert said in always(f"placement = '{placement}'", "seat")


def test_it_says_when_a_ticket_and_a_match_end() -> None:
    text = "ticket_ttl_seconds = 45\nmatch_ttl_seconds = 9000"

    assert "for 45 s leaves the queue" in always(text, "expired")
    assert "after 2 h 30 min." in always(text, "abandoned")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('backfill = "first"', "is offered for 2 min, and filled before new matches are made."),
        (
            'backfill = "first"\nacceptance_seconds = 20',
            "is offered for 2 min, and filled before new matches are made; who comes is not asked to accept.",
        ),
        (
            'backfill = "last"\nbackfill_ttl_seconds = 45',
            "is offered for 45 s, and filled from those for whom there is no new match.",
        ),
    ],
)
def test_it_says_what_becomes_of_a_seat_that_a_player_leaves(text: str, said: str) -> None:
    assert always(text, "A seat") == f"A seat that a player leaves in a running match {said}"
    assert "A seat that" not in explain(a_queue())


def test_it_says_how_a_match_is_rated() -> None:
    assert always("k_factor = 12\ninitial_rating = 900", "Rated") == (
        "Rated by Elo; new players start at 900; a match moves a rating by 12 points at most."
    )
    assert "Glicko-2" in always("rating_model = 'glicko2'", "Rated")
    assert "at most" not in always("rating_model = 'openskill'", "Rated")


def test_without_a_rating_it_is_about_a_new_player() -> None:
    assert "What a new player rated 900 meets" in explain(a_queue("initial_rating = 900"))
    assert "after 0 s: opponents rated 800 to 1000." in explain(a_queue("initial_rating = 900"))


def test_it_says_whether_players_are_asked_to_accept_a_match() -> None:
    assert "nobody is asked" in always("", "accept")
    assert "within 15 s; else it falls" in always("acceptance_seconds = 15", "accept")
    assert summary(a_queue("acceptance_seconds = 15")).endswith("; rated by elo; accepted within 15 s")


def test_the_summary_says_how_far_the_window_reaches() -> None:
    assert summary(a_queue()) == "arena: 1 against 1; within 100 points at once, 600 at last; rated by elo"


# --- the commands -------------------------------------------------------------------------------------------


@pytest.fixture
def bad_file(tmp_path: Path) -> Path:
    path = tmp_path / "queues.toml"
    path.write_text("[queues.arena]\nteams = 1\nk = 2\n", encoding="utf-8")
    return path


def test_check_queues_tells_a_line_for_each_queue(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("check_queues")

    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == list(
        load_rules(BACKEND.parent / "queues.toml").queues
    )


def test_check_queues_names_every_fault_and_fails(bad_file: Path) -> None:
    faults = io.StringIO()
    with pytest.raises(SystemExit) as end:
        call_command("check_queues", str(bad_file), stderr=faults)

    assert end.value.code == 1
    assert [line.partition(": ")[0] for line in faults.getvalue().splitlines()] == [f"{bad_file}:2", f"{bad_file}:3"]


def test_check_queues_of_a_file_that_is_not_there_speaks_of_that_file_alone() -> None:
    faults = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("check_queues", "nowhere.toml", stderr=faults)

    assert faults.getvalue() == "nowhere.toml: cannot be read (No such file or directory)\n"


@pytest.mark.parametrize("place", ["docs/queues.md", "queues.toml", "queues.examples.toml"])
def test_the_commands_that_the_documents_show_work_without_a_stack_and_without_secrets(place: str) -> None:
    text = (BACKEND.parent / place).read_text(encoding="utf-8")
    commands = re.findall(r"DEBUG=True \.venv/bin/python (backend/manage\.py (?:check|explain)_queue[^\n;`]*)", text)
    assert commands, "the test no longer sees the commands"
    for command in commands:
        done = subprocess.run(
            [sys.executable, *command.split()],
            cwd=BACKEND.parent,
            env={"DEBUG": "True", "PATH": ""},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, ""), command


def test_check_queues_needs_no_settings_that_work_to_say_what_is_wrong_with_the_rules(bad_file: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check_queues"],
        cwd=BACKEND,
        env={"DEBUG": "True", "QUEUES_FILE": str(bad_file), "PATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert [line.partition(": ")[0] for line in done.stderr.splitlines()] == [f"{bad_file}:2", f"{bad_file}:3"]


def test_explain_queue_explains_a_queue_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "other.toml"
    path.write_text("[queues.arena]\nsearch_window.base = 30\n", encoding="utf-8")

    call_command("explain_queue", "arena", "--rating", "1000", "--file", str(path))

    assert "after 10 s: opponents rated 960 to 1040." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "named"), [(["nowhere"], "not one of ranked, casual"), (["ranked", "--rating", "nan"], "rating")]
)
def test_explain_queue_names_what_is_wrong(args: list[str], named: str) -> None:
    with pytest.raises(CommandError, match=named):
        call_command("explain_queue", *args)


def test_explain_queue_of_a_file_with_faults_names_them(bad_file: Path) -> None:
    faults = io.StringIO()
    with pytest.raises(SystemExit):
        call_command("explain_queue", "arena", "--file", str(bad_file), stderr=faults)

    assert f"{bad_file}:2: queues.arena.teams" in faults.getvalue()
