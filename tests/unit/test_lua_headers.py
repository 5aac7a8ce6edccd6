"""Every script tells a stranger what it does, what it takes and what it answers."""

import re
from pathlib import Path

import pytest

BACKEND = Path(__file__).parents[2] / "backend"
SCRIPTS = sorted([*BACKEND.glob("*/stores/redis/lua/*.lua"), *BACKEND.glob("datastore/lua/*.lua")])


def test_there_are_scripts() -> None:
    assert len(SCRIPTS) > 10


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_begins_with_its_name_its_keys_and_its_answers(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    header = text[: re.search(r"^(?!--)", text, re.MULTILINE).start()]

    assert header.startswith(f"-- {script.stem}: ")
    assert "KEYS[1]" in header
    assert "Returns" in header


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_key_comes_in_through_keys(script: Path) -> None:
    code = re.sub(r"--.*", "", script.read_text(encoding="utf-8"))

    assert not re.search(r"\bcall\('\w+',\s*['\"]", code)
    assert "KEYS" in code


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_keeps_to_the_commands_of_redis_6_2(script: Path) -> None:
    used = set(re.findall(r"\bcall\('(\w+)'", script.read_text(encoding="utf-8")))

    assert used.isdisjoint({"SINTERCARD", "LMPOP", "ZMPOP", "EXPIRETIME", "PEXPIRETIME", "FUNCTION", "FCALL"})


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_every_script_is_called_by_the_store_beside_it(script: Path) -> None:
    stores = "".join(path.read_text(encoding="utf-8") for path in script.parent.parent.glob("*.py"))

    assert f'"{script.stem}"' in stores
