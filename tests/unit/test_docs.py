"""What the documents name exists: files, links, make targets, functions, keys and calls."""

import ast
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.urls import resolve

REPO = Path(__file__).resolve().parents[2]
BACKEND = REPO / "backend"
STORY = REPO / "docs" / "story-of-a-ticket.md"
DOCUMENTS = [*sorted(REPO.glob("*.md")), *sorted((REPO / "docs").rglob("*.md"))]

#: Made by whoever runs the service; not in the repository.
NOT_IN_THE_REPOSITORY = {"backend/.env", "var/run.env", "var/secrets.env", "run.env", "secrets.env"}
FOLDERS = ("backend", "docs", "tests", "bench", "chaos", "deploy", r"\.ci")
AT_THE_TOP = r"[\w-]+\.(?:toml|yml|md|txt)|Dockerfile|Makefile|\.env\.example|\.dockerignore"
SOME_ID = "00000000-0000-4000-8000-000000000000"

each_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(REPO)))


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


def without_blocks(document: Path) -> str:
    return re.sub(r"^```.*?^```", "", text_of(document), flags=re.MULTILINE | re.DOTALL)


def spans(document: Path) -> list[str]:
    """What stands in single backticks, outside blocks."""
    return re.findall(r"`([^`\n]+)`", without_blocks(document))


def blocks(document: Path, language: str) -> str:
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", text_of(document), re.MULTILINE | re.DOTALL))


def anchors(document: Path) -> set[str]:
    """The headings, in the form in which links name them."""
    headings = re.findall(r"^#+ (.+)$", text_of(document), re.MULTILINE)
    return {re.sub(r"[^\w\s-]", "", heading.lower()).replace(" ", "-") for heading in headings}


@cache
def sources() -> dict[Path, str]:
    return {path: text_of(path) for suffix in ("py", "lua") for path in sorted(BACKEND.rglob(f"*.{suffix}"))}


@cache
def definitions() -> dict[str, set[str]]:
    """What can be named: `module.function` by the file's name, `Class`, and `Class.method`."""
    found: dict[str, set[str]] = {}
    for path, source in sources().items():
        if path.suffix != ".py" or "migrations" in path.parts:
            continue
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef):
                found.setdefault(path.stem, set()).add(node.name)
            elif isinstance(node, ast.ClassDef):
                methods = found.setdefault(node.name, set())
                methods |= {part.name for part in node.body if isinstance(part, ast.FunctionDef)}
    return found


@cache
def key_names() -> set[str]:
    """The keys of the table in `datastore/keys.py`."""
    return set(re.findall(r"^\| (\S+) +\| \w+", text_of(BACKEND / "datastore" / "keys.py"), re.MULTILINE)) - {"name"}


@each_document
def test_a_path_in_backticks_exists(document: Path) -> None:
    missing = []
    for span in spans(document):
        if span in NOT_IN_THE_REPOSITORY or re.search(r"[\s<>*$…{}]", span):
            continue
        if re.fullmatch(rf"(?:{'|'.join(FOLDERS)})/.*|{AT_THE_TOP}", span):
            is_there = (REPO / span).exists()
        elif re.fullmatch(r"[\w/]+\.(py|lua)", span):
            is_there = any(path.as_posix().endswith(f"/{span}") for path in sources())
        else:
            continue
        if not is_there:
            missing.append(span)
    assert missing == []


@each_document
def test_a_make_target_in_a_document_is_one_of_the_makefile(document: Path) -> None:
    commands = "\n".join([*spans(document), blocks(document, "bash")])
    named = set(re.findall(r"(?:^|[\s&;])make ([a-z][a-z-]*)", commands, re.MULTILINE))
    targets = set(re.findall(r"^([a-z][a-z-]*)\s*:(?!=)", text_of(REPO / "Makefile"), re.MULTILINE))
    assert named - targets == set()


@each_document
def test_a_relative_link_leads_somewhere(document: Path) -> None:
    dead = []
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)", without_blocks(document)):
        if re.match(r"[a-z]+:", target):
            continue
        linked = (document.parent / target).resolve() if target else document
        if not linked.exists() or (anchor and anchor not in anchors(linked)):
            dead.append(f"{target}#{anchor}" if anchor else target)
    assert dead == []


def test_the_functions_and_classes_of_the_story_exist() -> None:
    named = {span for span in spans(STORY) if re.fullmatch(r"[A-Za-z_]+\.(?!lua|py|toml)[a-z_]+", span)}
    classes = {span for span in spans(STORY) if re.fullmatch(r"(?:[A-Z][a-z]+)+", span)}
    assert len(named) > 20, "the test no longer sees how the story names functions"
    known = {f"{owner}.{name}" for owner, names in definitions().items() for name in names}
    assert named - known == set()
    assert classes - set(definitions()) == set()


def test_the_constants_and_answers_of_the_story_are_in_the_code() -> None:
    words = {span for span in spans(STORY) if re.fullmatch(r"[A-Z]+(?:_[A-Z]+)*", span)}
    code = "\n".join(sources().values())
    assert {"TAKEN", "CLAIM_BATCH"} <= words
    assert {word for word in words if not re.search(rf"\b{word}\b", code)} == set()


@each_document
def test_a_key_of_redis_in_a_document_is_one_of_the_datastore(document: Path) -> None:
    pattern = r"(?:matchmaking|players|online_users|game_servers|active_games):[\w:<>]+"
    mentioned = set(re.findall(pattern, "\n".join([*spans(document), blocks(document, "")])))
    queues = {f"{name}:<name>" for name in key_names()}
    assert mentioned - key_names() - queues == set()


def test_the_table_of_keys_in_operations_is_whole() -> None:
    table = set(re.findall(r"^\| `([a-z_]+[\w:<>]*)` \|", text_of(REPO / "docs" / "operations.md"), re.MULTILINE))
    assert len(key_names()) > 15
    assert key_names() - table == set()


def test_the_curl_paths_of_the_readme_are_addresses_of_the_api() -> None:
    paths = re.findall(r'"\$API/([^"]*)"', blocks(REPO / "README.md", "bash"))
    assert len(paths) > 8, "the test no longer sees how the README calls"
    for path in paths:
        resolve("/api/" + path.partition("?")[0].replace("$MATCH", SOME_ID))


def test_a_player_of_a_result_has_the_same_fields_in_the_readme_and_in_the_api_document() -> None:
    fields = []
    for document in (REPO / "README.md", REPO / "docs" / "api.md"):
        answers = [json.loads(line) for line in blocks(document, "json").splitlines() if line.startswith('{"id"')]
        (match,) = [answer for answer in answers if "win_probabilities" in answer]
        fields.append({tuple(player) for team in match["teams"] for player in team})
    assert fields[0] == fields[1]


def test_the_calls_of_the_api_document_exist_with_their_methods() -> None:
    calls = re.findall(r"`(GET|POST|DELETE) ([a-z/<>]+/)`", text_of(REPO / "docs" / "api.md"))
    assert len(calls) > 15, "the test no longer sees how calls are written"
    for method, path in calls:
        view: Any = resolve("/api/" + path.removeprefix("/api/").replace("<id>", SOME_ID)).func
        assert hasattr(view.view_class, method.lower()), f"{method} {path}"


def test_every_call_of_the_api_is_in_the_document() -> None:
    calls = re.findall(r"`[A-Z]+ ([a-z/<>]+/)`", text_of(REPO / "docs" / "api.md"))
    written = {path.replace("<id>", "<>") for path in calls}
    for app in ("players", "servers", "parties", "matchmaking"):
        for route in re.findall(r'path\("([^"]+/)", \w+\.as_view', text_of(BACKEND / app / "urls.py")):
            shown = re.sub(r"<\w+:\w+>", "<>", route)
            assert shown in written or f"matchmaking/{shown}" in written, route
