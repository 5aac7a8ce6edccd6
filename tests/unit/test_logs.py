"""Log lines: plain for people, JSON for machines, with ids as fields."""

import json
import logging
import re
from collections.abc import Iterator

import pytest

from caroud.logs import configure_logging


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


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
