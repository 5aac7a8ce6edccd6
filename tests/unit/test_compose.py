"""`docker-compose.yml` and `Dockerfile` fit the code: commands, queues, ports, variables, and who may reach what."""

import json
import re
import shlex
from dataclasses import fields
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands
from django.urls import resolve

from devstack.plan import Plan

REPO = Path(__file__).resolve().parents[2]
COMPOSE_TEXT = (REPO / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load(COMPOSE_TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (REPO / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")

#: Services made of our image; the others are made of somebody else's.
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
SECRETS = ["SECRET_KEY", "FLEET_KEY", "REDIS_PASSWORD", "POSTGRES_PASSWORD", "FLOWER_BASIC_AUTH"]
WORKERS = {name: service for name, service in OURS.items() if "worker" in service["command"]}
LONG_RUNNING = {name: service for name, service in SERVICES.items() if service["restart"] != "no"}


def instructions(name: str) -> list[str]:
    """What follows an instruction of the Dockerfile, each time it stands there."""
    return re.findall(rf"^{name}\s+(.*)$", DOCKERFILE, re.MULTILINE)


def option(command: list[str], *names: str) -> str:
    """The value of `--name value`, `-n value` or `--name=value`."""
    for place, word in enumerate(command):
        if word in names:
            return command[place + 1]
        if word.partition("=")[0] in names:
            return word.partition("=")[2]
    raise AssertionError(f"{command} has none of {names}")


def made_by_make_run() -> dict[str, list[str]]:
    """The commands of `make run`, by program, from granian or celery on."""
    known: dict[str, Any] = dict.fromkeys(field.name for field in fields(Plan))
    plan = Plan(**known | {"host": "0.0.0.0", "port": 8000, "flower_port": 5555, "servers": ()})
    made = {}
    for program in plan.programs():
        words = list(program.argv)
        made[program.name] = words[next(n for n, word in enumerate(words) if word in {"granian", "celery"}) :]
    return made


def test_the_services_are_those_of_make_run_and_their_stores() -> None:
    assert set(OURS) - {"migrate"} == set(made_by_make_run())
    assert set(SERVICES) - set(OURS) == {"redis", "postgres"}


@pytest.mark.parametrize("name", sorted(set(OURS) - {"migrate"}))
def test_a_service_runs_the_command_of_make_run(name: str) -> None:
    theirs = [word.replace("--address=127.0.0.1", "--address=0.0.0.0") for word in made_by_make_run()[name]]
    assert sorted(SERVICES[name]["command"]) == sorted(theirs)


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_command_is_one_that_exists(name: str) -> None:
    program, *words = SERVICES[name]["command"]
    if program == "python":
        assert (REPO / "backend" / words[0]).is_file()
        assert words[1] in get_commands()
        return
    assert program in entry_points(group="console_scripts").names
    if program == "celery":
        assert import_module(option(words, "-A")).app.main == "caroud"
        assert words[2] in {"worker", "beat", *entry_points(group="celery.commands").names}
    else:
        module, _, attribute = next(word for word in words if ":" in word).partition(":")
        assert (REPO / "backend" / Path(*module.split("."))).with_suffix(".py").is_file()
        assert attribute == "application"


def test_every_celery_queue_has_a_worker_and_every_worker_a_queue() -> None:
    conf = import_module("celery_app").app.conf
    used = {conf.task_default_queue, *(route["queue"] for route in conf.task_routes.values())}
    served = [queue for worker in WORKERS.values() for queue in option(worker["command"], "-Q").split(",")]
    assert sorted(served) == sorted(used)


def test_workers_are_asked_for_by_the_names_that_they_have() -> None:
    for worker in WORKERS.values():
        name = option(worker["command"], "-n").removesuffix("%h")
        assert f"-d {name}$$HOSTNAME" in worker["healthcheck"]["test"][1]


def test_workers_are_given_the_time_that_a_task_may_take() -> None:
    limit = import_module("celery_app").app.conf.task_time_limit
    for worker in WORKERS.values():
        assert int(worker["stop_grace_period"].removesuffix("s")) > limit


def test_published_ports_are_those_that_the_commands_listen_on() -> None:
    for name in ("web", "flower"):
        listens = option(SERVICES[name]["command"], "--port")
        assert [port.rpartition(":")[2] for port in SERVICES[name]["ports"]] == [listens]
        assert f"http://127.0.0.1:{listens}/" in SERVICES[name]["healthcheck"]["test"][-1]
    assert instructions("EXPOSE") == [option(SERVICES["web"]["command"], "--port")]


def test_only_web_is_published_beyond_this_machine() -> None:
    beyond = {
        name
        for name, service in SERVICES.items()
        for port in service.get("ports", [])
        if not str(port).startswith("127.0.0.1:")
    }
    assert beyond == {"web"}
    assert all("network_mode" not in service for service in SERVICES.values())


def test_every_variable_is_in_the_example() -> None:
    example = (REPO / ".env.example").read_text(encoding="utf-8")
    documented = set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", example, re.MULTILINE))
    assert set(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)", COMPOSE_TEXT)) - documented == set()


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_has_no_default_and_says_where_to_set_it(secret: str) -> None:
    uses = re.findall(rf"\$\{{{secret}(.*?)\}}", COMPOSE_TEXT)
    assert uses
    assert all(use.startswith(f":?set {secret} in backend/.env") for use in uses)


@pytest.mark.parametrize("name", sorted(LONG_RUNNING))
def test_every_long_running_service_is_checked_and_started_again(name: str) -> None:
    service = LONG_RUNNING[name]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert "stop_grace_period" in service


@pytest.mark.parametrize("name", sorted(set(OURS) - {"migrate"}))
def test_services_start_when_their_stores_answer_and_the_tables_are_there(name: str) -> None:
    waits_for = {other: how["condition"] for other, how in SERVICES[name]["depends_on"].items()}
    assert waits_for == {
        "redis": "service_healthy",
        "postgres": "service_healthy",
        "migrate": "service_completed_successfully",
    }


def test_redis_keeps_tickets_and_demands_a_password() -> None:
    words = shlex.split(SERVICES["redis"]["command"][-1])
    assert option(words, "--maxmemory-policy") == "noeviction"
    assert option(words, "--appendonly") == "yes"
    assert "requirepass" in SERVICES["redis"]["command"][-1]


def test_the_image_runs_as_somebody_else_than_root() -> None:
    *_, user = instructions("USER")
    assert int(user.partition(":")[0]) > 0
    assert "user" not in {key for service in OURS.values() for key in service}


def test_the_image_starts_web_and_asks_whether_it_lives() -> None:
    assert json.loads(instructions("CMD")[-1]) == SERVICES["web"]["command"]
    (check,) = instructions("HEALTHCHECK")
    path = re.search(r"http://127\.0\.0\.1:8000(/\S*?)'", check)
    assert path is not None
    assert resolve(path.group(1)).url_name == "healthz"


def test_the_image_holds_no_secret() -> None:
    words = " ".join(instructions("ENV") + instructions("ARG"))
    assert not re.search(r"SECRET|FLEET|PASSWORD|_AUTH|_URL", words)
    ignored = (REPO / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert "*" in ignored and "**/.env" in ignored


def test_everything_that_is_copied_into_the_image_exists() -> None:
    sources = [source for copy in instructions("COPY") for source in copy.split()[:-1] if not source.startswith("--")]
    ignored = (REPO / ".dockerignore").read_text(encoding="utf-8")
    let_in = set(re.findall(r"^!(.+)$", ignored, re.MULTILINE))
    assert set(sources) == let_in
    assert all((REPO / source).exists() for source in sources)
