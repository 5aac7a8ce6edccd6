"""`.env.example` names the settings that the code reads: all of them, no others, with the defaults that hold."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

REPO = Path(__file__).resolve().parents[2]
BACKEND = REPO / "backend"
EXAMPLE = REPO / ".env.example"

#: Read by the start commands, and no settings of ours.
NOT_OURS = {"PATH", "PYTHONPATH", "NUMBA_CACHE_DIR"}


def documented() -> dict[str, str]:
    """Each setting of `.env.example` and its value there. Prose has a blank behind the #, settings have none."""
    lines = re.findall(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) == len(dict(lines)), "a setting stands there twice"
    return dict(lines)


def calls(path: Path) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call))


def env_calls() -> dict[str, ast.Call]:
    """The `env.<type>("NAME", …)` calls of settings.py, by name."""
    found = {}
    for call in calls(BACKEND / "caroud" / "settings.py"):
        if isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) == "env":
            name = call.args[0]
            if isinstance(name, ast.Constant):
                found[str(name.value)] = call
    return found


def environ_names(path: Path) -> set[str]:
    """Names that a file reads by `os.environ.get("NAME")`, `os.environ["NAME"]` or `configured.get("NAME")`."""
    readers = {"os.environ", "configured"}
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        key: ast.expr | None = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            key = node.args[0] if ast.unparse(node.func.value) in readers else None
        elif isinstance(node, ast.Subscript) and ast.unparse(node.value) in readers:
            key = node.slice
        if isinstance(key, ast.Constant):
            names.add(str(key.value))
    return names - NOT_OURS


def constants(path: Path) -> set[str]:
    """Every string of a file."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def compose_names() -> set[str]:
    text = (REPO / "docker-compose.yml").read_text(encoding="utf-8")
    yaml.safe_load(text)
    return set(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)", text))


def devstack_files() -> list[Path]:
    return sorted((BACKEND / "devstack").glob("*.py"))


def test_every_setting_that_the_service_reads_is_in_the_example() -> None:
    read = set(env_calls()) | environ_names(BACKEND / "celery_app.py")
    assert len(read) > 20, "the test no longer sees how settings are read"
    assert read - set(documented()) == set()


def test_every_setting_that_the_start_commands_read_is_in_the_example() -> None:
    read = compose_names().union(*map(environ_names, devstack_files()))
    assert {"PORT", "FLOWER_BASIC_AUTH"} <= read
    assert read - set(documented()) == set()


def test_the_example_names_no_setting_that_nothing_reads() -> None:
    known = set(env_calls()) | environ_names(BACKEND / "celery_app.py") | compose_names()
    known = known.union(*map(constants, devstack_files()))
    assert set(documented()) - known == set()


def test_the_example_shows_the_defaults_that_hold() -> None:
    wrong = {}
    for name, call in env_calls().items():
        shown = documented().get(name, "")
        default = next((word.value for word in call.keywords if word.arg == "default"), None)
        if not shown or default is None:
            continue
        try:
            value = ast.literal_eval(default)
        except ValueError:  # made of other settings
            continue
        text = ",".join(value) if isinstance(value, list) else str(value)
        if text != shown:
            wrong[name] = (shown, text)
    assert wrong == {}


def test_a_copy_of_the_example_changes_nothing() -> None:
    """An empty secret in a copy would win over the one that `make run` makes."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if line and not line.startswith("#")] == []


def test_every_setting_of_the_example_is_explained() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    for above, line in zip(["", *lines], lines, strict=False):
        if re.match(r"#[A-Z][A-Z0-9_]*=", line):
            assert above.startswith("#") and not above.startswith("# ---"), f"{line} stands there without a word"
