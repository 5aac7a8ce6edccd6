"""The timetable: its tasks exist, rounds are asked for, late runs are dropped, reaping has its own lane."""

import pytest

from celery_app import app


@pytest.fixture(autouse=True)
def _tasks() -> None:
    app.loader.import_default_modules()


def test_every_line_of_the_timetable_names_a_task_that_exists() -> None:
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} == {
        "tasks.rounds.ask_for_rounds",
        "tasks.rounds.ask_for_rounds_in_postgresql",
        "tasks.reaping.expire_tickets",
        "tasks.reaping.reap_stale_servers",
        "tasks.reaping.settle_overdue_matches",
        "tasks.reaping.settle_unanswered_matches",
        "tasks.reaping.expire_parties",
        "tasks.reaping.forget_expired_tokens",
        "tasks.history.persist_matches",
        "tasks.history.work_out_history",
    }
    assert all(entry["task"] in app.tasks for entry in app.conf.beat_schedule.values())


def test_rounds_are_asked_for_at_the_round_interval_whatever_queues_there_are() -> None:
    (entry,) = (entry for entry in app.conf.beat_schedule.values() if entry["task"] == "tasks.rounds.ask_for_rounds")

    assert entry["schedule"] == 0.5
    assert "args" not in entry


def test_a_run_that_is_two_intervals_late_is_dropped() -> None:
    for entry in app.conf.beat_schedule.values():
        assert entry["options"]["expires"] == entry["schedule"] * 2


@pytest.mark.parametrize(
    ("task", "queue"),
    [
        ("tasks.rounds.ask_for_rounds", "rounds"),
        ("tasks.rounds.ask_for_rounds_in_postgresql", "rounds"),
        ("tasks.rounds.find_matches", "rounds"),
        ("tasks.history.persist_matches", "history"),
        ("tasks.reaping.expire_tickets", "reaping"),
        ("tasks.reaping.reap_stale_servers", "reaping"),
        ("tasks.reaping.settle_overdue_matches", "reaping"),
    ],
)
def test_reaping_never_waits_behind_rounds(task: str, queue: str) -> None:
    assert app.amqp.router.route({}, task)["queue"].name == queue


def test_a_task_that_dies_with_its_worker_runs_again_and_never_twice_at_once() -> None:
    conf = app.conf

    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.task_time_limit > conf.task_soft_time_limit
    assert conf.task_time_limit < 15 - 4  # a stopping worker waits for it, ends its children, and has 15 seconds
    assert conf.broker_transport_options["visibility_timeout"] > 3 * conf.task_time_limit
