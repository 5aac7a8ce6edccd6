"""`manage.py simulate`: what it takes, writes and refuses."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from simulator.arrivals import Crowd
from simulator.service_levels import LevelError, level_of
from simulator.sources import SourceError, arrivals_from_file, day_arrivals

REPO = Path(__file__).resolve().parents[3]
FEW = ("--players", "120", "--policies", "ours,showdown")


def test_the_same_seed_gives_the_same_figures(tmp_path: Path) -> None:
    for name in ("a", "b"):
        call_command("simulate", *FEW, "--no-limit", "--seed", "7", "--json", str(tmp_path / name))
    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text()
    studies = json.loads((tmp_path / "a").read_text())
    assert [result["policy"] for result in studies[0]["results"]] == ["ours", "Showdown"]
    assert studies[0]["results"][0]["bands"]["all"]["players"] == 120


def test_the_report_names_every_policy_and_holds_a_well_formed_picture(tmp_path: Path) -> None:
    call_command("simulate", *FEW, "--rate", "0.5", "--rate", "5", "--html", str(tmp_path / "report.html"))
    text = (tmp_path / "report.html").read_text()
    assert "http" not in text, "it needs nothing from elsewhere"
    pictures = [ElementTree.fromstring(part.split("</svg>")[0] + "</svg>") for part in split_at(text, "<svg")]
    assert len(pictures) == 2
    for picture in pictures:
        titles = [title.text or "" for title in picture.iter("title")]
        assert [title.split(":")[0] for title in titles] == ["ours", "Showdown"]
        curve = next(picture.iter("polyline")).attrib["points"].split()
        assert len(curve) >= 5


def test_it_says_whose_rules_it_simulates_and_where_the_columns_are_explained(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("simulate", "--players", "40", "--policies", "ours", "--no-limit", "--queue", "casual")

    first = capsys.readouterr().out.splitlines()[0]
    assert first == f"queue casual of {REPO / 'queues.toml'}; what the columns are: docs/simulator.md"


def split_at(text: str, mark: str) -> list[str]:
    return [mark + part for part in text.split(mark)[1:]]


def test_two_files_of_rules_are_compared_on_the_same_players(tmp_path: Path) -> None:
    wide = tmp_path / "wide.toml"
    wide.write_text("[queues.ranked.search_window]\nbase = 400\n")
    call_command("simulate", *FEW, "--no-limit", "--compare", str(REPO / "queues.toml"), str(wide), "--queue", "ranked",
                 "--json", str(tmp_path / "out"))  # fmt: skip
    shipped, widened, _ = json.loads((tmp_path / "out").read_text())[0]["results"]
    assert widened["bands"]["all"]["gap_mean"] > shipped["bands"]["all"]["gap_mean"]
    assert widened["bands"]["all"]["wait_mean"] < shipped["bands"]["all"]["wait_mean"]


def test_the_original_waits_as_long_as_its_scaled_window_makes_it(tmp_path: Path) -> None:
    words = ("--players", "300", "--policies", "original", "--no-limit", "--json", str(tmp_path / "out"))
    found = []
    for scale in ("1", "0.3"):
        call_command("simulate", *words, "--original-window", scale)
        (result,) = json.loads((tmp_path / "out").read_text())[0]["results"]
        found.append((result["policy"], result["bands"]["all"]))
    (name, wide), (scaled, narrow) = found
    assert (name, scaled) == ("guide's original", "guide's original x 0.3")
    assert narrow["wait_mean"] > wide["wait_mean"]
    assert narrow["gap_mean"] < 0.5 * wide["gap_mean"]

    with pytest.raises(CommandError, match="--original-window"):
        call_command("simulate", *words, "--original-window", "0")


def test_a_missed_service_level_fails_and_is_named() -> None:
    errors = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("simulate", *FEW, "--no-limit", "--require", "gap_mean<=0.001", stderr=errors)
    assert ended.value.code == 1
    assert "missed: 5 a second, ours: all: gap_mean <= 0.001, and is" in errors.getvalue()


def test_a_kept_service_level_is_a_success() -> None:
    call_command("simulate", *FEW, "--no-limit", "--require", "gap_mean<=500", "--require", "middle:unmatched<=1")


def test_a_queue_of_teams_is_simulated_with_parties_and_regions_beside_those_who_know_teams(tmp_path: Path) -> None:
    errors = StringIO()
    call_command("simulate", "--queue", "duos", "--players", "200", "--parties", "1:0.6,2:0.4",
                 "--regions", "eu:2,us:1",
                 "--json", str(tmp_path / "out"), "--html", str(tmp_path / "report.html"), stderr=errors)  # fmt: skip
    whole = json.loads((tmp_path / "out").read_text())[0]
    assert [result["policy"] for result in whole["results"]] == ["ours", "FAF", "FlexMatch-like"]
    assert whole["limit"] == []
    ours = whole["results"][0]
    assert ours["bands"]["all"]["unmatched"] < 0.5
    assert ours["bands"]["all"]["spread_mean"] > 0
    assert {name: region["players"] > 0 for name, region in ours["regions"].items()} == {"eu": True, "us": True}
    assert "lichess, showdown, playfab, nakama, openmatch, original" in errors.getvalue()
    report = (tmp_path / "report.html").read_text()
    assert "<h3>By region</h3>" in report
    assert "x limit" not in report
    assert "<td>FAF, us</td>" in report


def test_several_seeds_are_one_study_whose_levels_are_of_the_mean(tmp_path: Path) -> None:
    errors = StringIO()
    words = (*FEW, "--no-limit", "--jobs", "1", "--seeds", "101,102", "--json", str(tmp_path / "out"))
    with pytest.raises(SystemExit):
        call_command("simulate", *words, "--require", "gap_mean<=0.001", stderr=errors)
    studies = json.loads((tmp_path / "out").read_text())
    assert [each["seeds"] for each in studies] == [[101, 102]]
    ours = studies[0]["results"][0]
    assert f"and is {ours['bands']['all']['gap_mean']:.4g}" in errors.getvalue()
    assert ours["spreads"]["all"]["gap_mean"] > 0


@pytest.mark.parametrize("queue", ["ranked", "duos"])
def test_ours_follows_the_latency_and_party_rules_of_its_file(tmp_path: Path, queue: str) -> None:
    strict = tmp_path / "strict.toml"
    size = 2 if queue == "duos" else 1
    rules = f"team_size = {size}\n[queues.{queue}.latency]\nmax_ms = 90\n[queues.{queue}.party]\nmax_size = {size}\n"
    rules += "premade_against_solo_after_seconds = 600\n" if size > 1 else ""
    strict.write_text(f'default_queue = "{queue}"\n[queues.{queue}]\n{rules}')
    parties = ("--parties", "1:0.6,2:0.4") if size > 1 else ()
    call_command("simulate", "--compare", str(REPO / "queues.toml"), str(strict), "--queue", queue, *parties,
                 "--no-limit", "--players", "300", "--regions", "eu:1,us:1", "--policies", "ours,faf", "--json",
                 str(tmp_path / "out"))  # fmt: skip
    shipped, stricter, _ = json.loads((tmp_path / "out").read_text())[0]["results"]
    assert shipped["regions"]["eu"]["worst_latency_p95"] > 110
    assert stricter["regions"]["eu"]["worst_latency_p95"] <= 90
    assert (shipped["bands"]["all"]["premade"] > 0) == (size > 1)
    assert stricter["bands"]["all"]["premade"] == 0


def test_real_joins_of_larger_parties_than_the_queue_lets_in_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "joins.csv"
    path.write_text("time,rating,party\n0,1500,a\n0,1500,a\n0,1500,a\n")
    with pytest.raises(CommandError, match="more than 2"):
        call_command("simulate", "--queue", "duos", "--joins", str(path))


def test_queues_of_different_formats_are_not_compared(tmp_path: Path) -> None:
    other = tmp_path / "other.toml"
    other.write_text('default_queue = "duos"\n[queues.duos]\nteam_size = 3\n')
    with pytest.raises(CommandError, match="different formats"):
        call_command("simulate", "--compare", str(REPO / "queues.toml"), str(other), "--queue", "duos")


@pytest.mark.parametrize("words", ["wait", "wait_p95<20", "top 2 %:wait_p95<=20", "waits<=20", "wait_p95<=1.2.3"])
def test_a_level_that_says_nothing_is_refused(words: str) -> None:
    with pytest.raises(LevelError):
        level_of(words)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--rate", "0"), "--rate"), (("--rate", "nan"), "--rate"), (("--players", "1"), "--players"),
        (("--patience", "0"), "--patience"), (("--newcomers", "2"), "--newcomers"),
        (("--policies", "chess"), "--policies"),
        (("--queue", "nowhere"), "--queue"), (("--require", "x"), "x"), (("--file", "/nowhere.toml"), "nowhere.toml"),
        (("--ratings", "chess-rapid", "--mean", "1200"), "--mean"), (("--ratings", "/nowhere.csv"), "nowhere.csv"),
        (("--regions", "eu"), "--regions"), (("--parties", "1:1,2:1"), "--parties: '2'"), (("--seeds", "x"), "--seeds"),
        (("--jobs", "0"), "--jobs"), (("--joins", "/nowhere.csv", "--parties", "1:1"), "leave --ratings"),
        (("--queue", "duos", "--policies", "lichess"), "--policies"),
        (("--joins", "/nowhere.csv"), "nowhere.csv"), (("--policies", "faf", "--require", "players>=1"), "--require"),
    ],
)  # fmt: skip
def test_words_that_cannot_be_used_are_refused_by_name(words: tuple[str, ...], named: str) -> None:
    with pytest.raises(CommandError, match=named):
        call_command("simulate", "--no-limit", *words)


@pytest.fixture
def csv_file(tmp_path: Path) -> Callable[[str], Path]:
    def written(text: str) -> Path:
        path = tmp_path / "joins.csv"
        path.write_text(text)
        return path

    return written


def test_real_joins_come_in_order_from_their_first(csv_file: Callable[[str], Path]) -> None:
    path = csv_file("time,rating,deviation\n1700000010.5,1400,\n1700000000,1500,200\n")
    come = arrivals_from_file(path, 60, np.random.default_rng(1))
    assert come.joined_ms.tolist() == [0, 10_500]
    assert come.leaves_ms.tolist() == [60_000, 70_500]
    assert come.ratings.tolist() == [1500, 1400]
    assert come.deviations.tolist() == [200, 60]
    assert come.games[0] < 10 < come.games[1]


@pytest.mark.parametrize(
    ("text", "reason"),
    [("time\n1\n", ":1: no column rating"), ("time,rating\n1,x\n", ":2: rating: 'x'"),
     ("time,rating\n1,\n", ":2: rating"), ("time,rating\nnan,1\n", ":2: time"), ("time,rating\n", "no joins")],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused_with_its_line(
    csv_file: Callable[[str], Path], text: str, reason: str
) -> None:
    with pytest.raises(SourceError, match=reason):
        arrivals_from_file(csv_file(text), 60, np.random.default_rng(1))


def test_a_day_is_quiet_at_night_and_keeps_its_mean() -> None:
    come = day_arrivals(17_280, 0.2, np.random.default_rng(1), Crowd())
    hours = come.joined_ms // 3_600_000
    assert 23 <= hours[-1] <= 24
    assert (hours == 20).sum() > 4 * (hours == 3).sum()
