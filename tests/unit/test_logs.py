"""Log lines: plain for people, JSON for machines, with ids as fields."""

import json
import logging
import re
from collections.abc import Iterator

import pytest
from django.core.exceptions import DisallowedHost

from caroud.logs import configure_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root, security = logging.getLogger(), logging.getLogger("django.security")
    handlers, level = root.handlers[:], root.level
    before = security.handlers[:], security.propagate
    yield
    root.handlers[:], root.level = handlers, level
    security.handlers[:], security.propagate = before


def logged(capsys: pytest.CaptureFixture[str], kind: str) -> str:
    configure_logging({"format": kind, "level": "INFO"})
    logger = logging.getLogger("matchmaking.services.join_queue")
    logger.info("✅ User %s joined queue (ELO: %.0f)", "testuser", 1201.4, extra={"player": "p-1", "ticket": "t-1"})
    logger.debug("not shown")
    return capsys.readouterr().err


def test_a_plain_line_is_the_guides_and_greppable_by_matchmaking(capsys: pytest.CaptureFixture[str]) -> None:
    line = logged(capsys, "plain")

    assert re.fullmatch(
        r"\S+Z INFO +matchmaking\S* ✅ User testuser joined queue \(ELO: 1201\) player=p-1 ticket=t-1\n", line
    )


def test_a_json_line_has_the_ids_as_fields(capsys: pytest.CaptureFixture[str]) -> None:
    line = json.loads(logged(capsys, "json"))

    assert (line["event"], line["player"], line["ticket"]) == (
        "✅ User testuser joined queue (ELO: 1201)",
        "p-1",
        "t-1",
    )
    assert (line["level"], line["logger"]) == ("info", "matchmaking.services.join_queue")


@pytest.mark.parametrize("kind", ["plain", "json"])
def test_an_exception_comes_with_its_traceback(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    configure_logging({"format": kind, "level": "INFO"})
    try:
        raise ZeroDivisionError("no")
    except ZeroDivisionError:
        logging.getLogger("x").exception("it broke")

    assert "ZeroDivisionError: no" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["plain", "json"])
def test_a_mistake_of_a_client_is_one_warning_without_a_traceback(
    capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    configure_logging({"format": kind, "level": "INFO"})
    try:
        raise DisallowedHost("Invalid HTTP_HOST header: 'evil.example'")
    except DisallowedHost as error:
        logging.getLogger("django.security.DisallowedHost").error(str(error), exc_info=error)

    (line,) = capsys.readouterr().err.splitlines()
    assert "evil.example" in line
    assert "warning" in line.lower()
    assert "Traceback" not in line
