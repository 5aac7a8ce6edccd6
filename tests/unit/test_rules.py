"""`queues.toml`: read whole, or refused with file, line, reason and cure, for every fault in it."""

from pathlib import Path

import pytest

from matchmaking.engine.demands import BalanceRule, LatencyLimit, MatchFormat, PartyRule, RematchRule
from matchmaking.engine.patience import Patience
from matchmaking.engine.search_window import SearchWindow, WhoseWait
from matchmaking.rules import Placement, QueueRules, RulesError, load_rules
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

EVERYTHING = """\
[queues.squads]
teams = 4
team_size = 5
min_teams = 2
relax_after_seconds = 40
relax_every_seconds = 20
rating_model = "openskill"
initial_rating = 1500
placement = "none"
ticket_ttl_seconds = 100
match_ttl_seconds = 200
acceptance_seconds = 15.5
priority = 7

[queues.squads.search_window]
base = 80
steps = [{ after_seconds = 10, points = 50 }, { after_seconds = 30, points = 200.5 }]
whose_wait = "longer"

[queues.squads.search_window.patience]
growth_in_a_beat = 2

[queues.squads.latency]
max_ms = 80
step_ms = 20
every_seconds = 15
max_extra_ms = 60

[queues.squads.rematch]
last = 4
points = 120

[queues.squads.party]
max_size = 5
premade_against_solo_after_seconds = 45

[queues.squads.balance]
max_favourite = 0.6
step = 0.05
every_seconds = 25
max_extra = 0.4
"""


def rules_of(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "queues.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal_of(path: Path) -> RulesError:
    with pytest.raises(RulesError) as refusal:
        load_rules(path)
    return refusal.value


def test_what_is_not_said_is_the_default(tmp_path: Path) -> None:
    rules = load_rules(rules_of(tmp_path, GOOD))

    ranked = rules.queues["ranked"]
    assert (rules.default_queue, ranked.placement, ranked.ticket_ttl_ms) == ("ranked", Placement.REQUIRED, 60_000)
    assert ranked.search_window == SearchWindow(base=50)
    assert rules.queues["casual"] == QueueRules(name="casual")


def test_every_setting_arrives_where_it_belongs(tmp_path: Path) -> None:
    rules = load_rules(rules_of(tmp_path, EVERYTHING))

    assert rules.queues["squads"] == QueueRules(
        name="squads",
        format=MatchFormat(teams=4, team_size=5, min_teams=2, relax_after_seconds=40, relax_every_seconds=20),
        rating_model=RatingModel.OPENSKILL,
        initial_rating=1500,
        placement=Placement.NONE,
        ticket_ttl_seconds=100,
        match_ttl_seconds=200,
        acceptance_seconds=15.5,
        priority=7,
        search_window=SearchWindow(
            base=80, steps=((10, 50), (30, 200.5)), whose_wait=WhoseWait.LONGER, patience=Patience(growth_in_a_beat=2)
        ),
        latency=LatencyLimit(max_ms=80, step_ms=20, every_seconds=15, max_extra_ms=60),
        rematch=RematchRule(last=4, points=120),
        party=PartyRule(max_size=5, premade_against_solo_after_seconds=45),
        balance=BalanceRule(max_favourite=0.6, step=0.05, every_seconds=25, max_extra=0.4),
    )


def test_nobody_is_patient_who_was_not_told_to(tmp_path: Path) -> None:
    assert load_rules(rules_of(tmp_path, GOOD)).queues["ranked"].search_window.patience is None

    told = GOOD + "[queues.casual.search_window.patience]\n"
    assert load_rules(rules_of(tmp_path, told)).queues["casual"].search_window.patience == Patience()


def test_rounds_come_in_the_order_of_priority_and_then_of_the_file(tmp_path: Path) -> None:
    text = "[queues.b]\npriority = 1\n[queues.a]\n[queues.d]\npriority = 9\n[queues.c]\npriority = 1\n"

    assert [rules.name for rules in load_rules(rules_of(tmp_path, text)).by_priority()] == ["d", "b", "c", "a"]


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
        ("ticket_ttl_seconds = 60", "ticket_ttl_seconds = inf", 5, "a number"),
        pytest.param("ticket_ttl_seconds = 60", f"ticket_ttl_seconds = 1{400 * '0'}", 5, "a number", id="huge"),
        ("ticket_ttl_seconds = 60", "ticket_ttl = 60", 5, "is not a setting"),
        ("ticket_ttl_seconds = 60", 'name = "other"', 5, "is not a setting"),
        ("ticket_ttl_seconds = 60", "format = { teams = 3 }", 5, "is not a setting"),
        ("ticket_ttl_seconds = 60", "latency = 80", 5, "has to be a table: [queues.ranked.latency]"),
        ("ticket_ttl_seconds = 60", "latency = { max = 80 }", 5, "latency.max: is not a setting"),
        ("ticket_ttl_seconds = 60", "latency.max_ms = -80", 5, "from 0 to 10000"),
        ('placement = "required"', 'placement = "sometimes"', 4, "optional, required, none"),
        ('placement = "required"', "placement = []", 4, "optional, required, none"),
        ('placement = "required"', 'rating_model = "trueskill"', 4, "elo, glicko2, openskill"),
        ('placement = "required"', "acceptance_seconds = 121", 4, "a number from 0 to 120"),
        (
            'placement = "required"',
            "acceptance_seconds = 4.5",
            4,
            "nobody can answer within 4.5 s: give 5 or more, or 0",
        ),
        ("ticket_ttl_seconds = 60", "match_ttl_seconds = 30\nacceptance_seconds = 30", 6, "not shorter than match_ttl"),
        ('placement = "required"', "priority = 0.5", 4, "a whole number from 0 to 100"),
        ("base = 50", "base = -1", 8, "from 0 to 10000"),
        ("base = 50", "bas = 50", 8, "is not a setting: known are base"),
        ("base = 50", "every_seconds = 0", 8, "above 0"),
        ("base = 50", 'whose_wait = "mine"', 8, "shorter, longer, own"),
        ("base = 50", "patience = 3", 8, "[queues.ranked.search_window.patience]"),
        ("base = 50", "patience = { close = -1 }", 8, "patience.close: is -1"),
        ("base = 50", "patience.clos = 1", 8, "is not a setting: known are close, far, growth_in_a_beat"),
        ("[queues.casual]", "[queues.Casual]", 10, "no queue name"),
        ("[queues.casual]", '[queues."quick match"]', 10, "no queue name"),
        ('default_queue = "ranked"', 'default_queue = "other"', 1, "not one of ranked, casual"),
        ('default_queue = "ranked"', "default_queue = []", 1, "not one of ranked, casual"),
        ('default_queue = "ranked"', 'default = "ranked"', 1, "is not a setting"),
        ("[queues.casual]", "[queues.casual", 10, "not valid TOML"),
    ],
)
def test_a_fault_is_refused_with_its_line_and_the_cure(
    tmp_path: Path, old: str, new: str, line: int, reason: str
) -> None:
    path = rules_of(tmp_path, GOOD.replace(old, new))

    (fault,) = refusal_of(path).faults

    assert reason in fault
    assert fault.startswith(f"{path}:{line}: ")


SIZES = [
    ("teams = 1", 2, "from 2 to 100"),
    ("teams = 2.0", 2, "a whole number"),
    ("team_size = 0", 2, "from 1 to 50"),
    ("teams = 101", 2, "from 2 to 100"),
    ("teams = 3\nteam_size = 34", 3, "3 x 34 are 102 players: a match has 100 at most"),
    ("teams = 3\nmin_teams = 4", 3, "4 teams at least, but the match has 3"),
    ("min_teams = 2", 2, "two players cannot become fewer"),
    ("team_size = 2\nmin_teams = 1", 3, "one team has nobody to play against"),
    ("teams = 3\nmin_teams = 3", 3, "never starts with fewer"),
    ("teams = 3\nrelax_after_seconds = 10", 3, "nothing to relax, a match has always 3 teams"),
    ("relax_every_seconds = 10", 2, "nothing to relax"),
    ("teams = 3\nmin_teams = 2\nrelax_every_seconds = 0", 4, "above 0"),
]
PARTIES = [
    ("party = { max_size = 2 }", 2, "a party of 2 does not fit into a team of 1"),
    ("team_size = 5\nparty.max_size = 6", 3, "a party of 6 does not fit into a team of 5"),
    ("team_size = 5\nparty.premade_against_solo_after_seconds = 9", 3, "there are no parties with max_size = 1"),
]
BALANCES = [
    ("team_size = 5\nbalance.max_favourite = 0.5", 3, "max_favourite: is 0.5 and has to be a number above 0.5"),
    ("team_size = 5\nbalance.max_favourite = 1.1", 3, "up to 1"),
    ("balance.max_favourite = 0.7", 2, "teams of one cannot be split more evenly"),
    ("teams = 10\nbalance.max_favourite = 0.7", 3, "teams of one cannot be split more evenly"),
    ("team_size = 5\nbalance.step = 0.1", 3, "there is no bound to grow"),
    ("team_size = 5\nbalance = { max_favourite = 1, every_seconds = 5 }", 3, "there is no bound to grow"),
    ("team_size = 5\nbalance = { max_favourite = 0.7, max_extra = 0.2 }", 3, "nothing grows without step"),
    ("team_size = 5\nbalance = { max_favourite = 0.7, every_seconds = 5 }", 3, "nothing grows without step"),
    ("team_size = 5\nbalance = { max_favourite = 0.7, step = 0.1 }", 3, "never counts without max_extra"),
    ("team_size = 5\nbalance = { max_favourite = 0.7, step = 0.1, max_extra = 0.31 }", 3, "that is 1.01, and nobody"),
    ("team_size = 5\nbalance = { favourite = 0.7 }", 3, "is not a setting: known are every_seconds, max_extra"),
]
EXPANSIONS = [
    ("search_window = { step = 0, max_extra = 10 }", 2, "max_extra: cannot be reached with step = 0"),
    ("search_window.step = 5\nsearch_window.max_extra = 0", 2, "step: never counts with max_extra = 0"),
    ("search_window.step = 0\nsearch_window.every_seconds = 5", 3, "nothing grows with step = 0"),
    ("search_window.steps = []", 2, "holds no step"),
    ("search_window.steps = [[10, 50]]", 2, "a list of steps with both settings"),
    ("search_window.steps = [{ after_seconds = 10 }]", 2, "a list of steps with both settings"),
    (
        "search_window.steps = [{ after_seconds = 0, points = 5 }]",
        2,
        "after_seconds: is 0 and has to be a number above 0",
    ),
    (
        "search_window.steps = [{ after_seconds = 9, points = 5 }, { after_seconds = 9, points = 6 }]",
        2,
        "after_seconds have to ascend, and 9 comes after 9",
    ),
    (
        "search_window.steps = [{ after_seconds = 8, points = 6 }, { after_seconds = 9, points = 6 }]",
        2,
        "points have to ascend",
    ),
    *(
        (
            f"search_window.{other}\nsearch_window.steps = [{{ after_seconds = 9, points = 5 }}]",
            2,
            "grows by steps already",
        )
        for other in ("step = 5", "every_seconds = 5", "max_extra = 5")
    ),
    ("search_window.patience = { far = 15 }", 2, "patience.far: far is 15 and close is 20"),
    ("search_window.patience = { close = 200 }", 2, "patience.close: far is 82 and close is 200"),
    ("search_window.patience = { far = 0 }", 2, "above 0"),
    ("latency.step_ms = 5", 2, "there is no limit to grow"),
    ("latency.every_seconds = 5", 2, "there is no limit to grow"),
    ("latency.max_extra_ms = 5", 2, "there is no limit to grow"),
    ("latency.max_ms = 50\nlatency.max_extra_ms = 5", 3, "nothing grows without step_ms"),
    ("latency.max_ms = 50\nlatency.every_seconds = 5", 3, "nothing grows without step_ms"),
    ("latency.max_ms = 50\nlatency.step_ms = 5", 3, "never counts without max_extra_ms"),
    ("rematch.points = 5", 2, "no opponent is remembered"),
    ("rematch.last = 5", 2, "cost no points"),
    ("rematch.last = 21", 2, "from 0 to 20"),
    ("backfill_ttl_seconds = 20", 2, "no seat is offered with backfill = off"),
    ('rating_model = "glicko2"\nk_factor = 20', 3, "belongs to elo, and the rating model is glicko2"),
]


@pytest.mark.parametrize(("text", "line", "reason"), [*SIZES, *PARTIES, *BALANCES, *EXPANSIONS])
def test_what_cannot_be_or_means_nothing_together_is_refused(tmp_path: Path, text: str, line: int, reason: str) -> None:
    path = rules_of(tmp_path, f"[queues.ranked]\n{text}\n")

    (fault,) = refusal_of(path).faults

    assert reason in fault
    assert fault.startswith(f"{path}:{line}: queues.ranked.")


@pytest.mark.parametrize(
    "text",
    [
        "teams = 100",
        "team_size = 50",
        "teams = 3\nmin_teams = 2\nrelax_after_seconds = 0",
        "team_size = 5\nparty = { max_size = 5, premade_against_solo_after_seconds = 0 }",
        "balance = { max_favourite = 1 }",
        "team_size = 2\nbalance = { max_favourite = 0.7, step = 0.1, max_extra = 0.3 }",
        "search_window = { step = 0, max_extra = 0 }",
        "search_window = { step = 0 }",
        "latency = { max_ms = 0 }",
        "latency = { max_ms = 80, max_extra_ms = 0 }",
        "rematch = { last = 0, points = 0 }",
        'rating_model = "elo"\nk_factor = 20',
    ],
)
def test_what_only_looks_odd_is_taken(tmp_path: Path, text: str) -> None:
    assert load_rules(rules_of(tmp_path, f"[queues.ranked]\n{text}\n"))


def test_all_faults_of_a_file_are_told_at_once_in_the_order_of_its_lines(tmp_path: Path) -> None:
    text = EVERYTHING.replace("min_teams = 2", "min_teams = 9").replace("last = 4", "last = -4")
    path = rules_of(tmp_path, text.replace("max_size = 5", "max_size = 6") + "\n[queues.duos]\nk = 1\n")

    refusal = refusal_of(path)

    assert [fault.split(":")[1] for fault in refusal.faults] == ["4", "30", "34", "44"]
    assert str(refusal).splitlines() == list(refusal.faults)


def test_a_wrong_number_is_told_once_and_nothing_is_said_of_what_it_would_contradict(tmp_path: Path) -> None:
    (fault,) = refusal_of(rules_of(tmp_path, "[queues.x.latency]\nmax_ms = -1\nstep_ms = 5\n")).faults

    assert "max_ms: is -1" in fault


@pytest.mark.parametrize("text", ["", "queues = 5", "[queues]", "[queues]\nranked = 1", "[[[", "a = "])
def test_a_file_without_queues_is_refused(tmp_path: Path, text: str) -> None:
    assert refusal_of(rules_of(tmp_path, text)).faults


def test_a_file_that_is_not_there_is_named_and_what_is_wrong_with_it(tmp_path: Path) -> None:
    with pytest.raises(RulesError, match=r"none\.toml: cannot be read \(No such file or directory\)$"):
        load_rules(tmp_path / "none.toml")
