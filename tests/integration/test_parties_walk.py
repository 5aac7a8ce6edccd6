"""The walk of docs/parties.md, run as it stands there, by bash and curl, against a server: it answers what it says."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from caroud import wiring
from matchmaking.rules import load_rules
from tests.integration.conftest import Api

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "parties.md"
_BREAK = "--- next block ---"


def blocks() -> list[tuple[str, str]]:
    """(language, text) of each block, in order."""
    return re.findall(r"^```(\w+)\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def shape(value: Any) -> Any:
    """Names, kinds and lengths; statuses, and what is refused by which name, as they are."""
    if isinstance(value, dict):
        said = ("status", "queue", "queues", "field", "title", "min", "max", "queue_size")
        return {key: part if key in said else shape(part) for key, part in value.items()}
    if isinstance(value, list):
        return [shape(part) for part in value]
    return type(value).__name__


@pytest.fixture
def folder(tmp_path: Path, settings: Any, live_server: LiveServer, api: Api) -> Iterator[Path]:
    """A folder in which a stack with the queue of the document seems to run."""
    (rules,) = [text for language, text in blocks() if language == "toml"]
    (tmp_path / "queues.toml").write_text(rules, encoding="utf-8")
    settings.RULES = load_rules(tmp_path / "queues.toml")
    wiring.forget()
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "run.env").write_text(f"API_URL={live_server.url}/api/\n", encoding="utf-8")
    return tmp_path


def test_the_walk_through_a_party_answers_what_the_document_says(folder: Path) -> None:
    walk = [(language, text) for language, text in blocks() if language in ("bash", "json")]
    script = f"\necho '{_BREAK}'\n".join(text for language, text in walk if language == "bash")

    done = subprocess.run(["bash", "-euc", script], cwd=folder, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    answered = [part.strip().splitlines() for part in done.stdout.split(_BREAK)]
    followed = [after[1].splitlines() if after[0] == "json" else [] for after in [*walk[1:], ("", "")]]
    written = [lines for (language, _), lines in zip(walk, followed, strict=True) if language == "bash"]
    assert len(written) == len(answered) > 4
    for said, got in zip(written, answered, strict=True):
        assert [shape(json.loads(line)) for line in said] == [shape(json.loads(line)) for line in got], "\n".join(got)
