"""Is the judge blind? Run on copies of the tree, each without one guard."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from chaos.mutations import MUTATIONS, Mutation
from chaos.proxies import REPO

#: What a run needs of the tree.
_TREE = ("backend", "chaos", "queues.toml")
_PLAYERS, _SQUADS, _SERVERS, _SEATS = 60, 20, 4, 3
#: Of what a start and an end take, seconds.
_BESIDES_SECONDS = 300.0
#: Seconds for a run that is told to stop.
_STOP_SECONDS = 40.0


def prove(names: Sequence[str], *, seed: int, console: Console) -> bool:
    """Whether each mutation was caught; prints the table of docs/reliability.md."""
    table = Table("guard removed", "name", "caught by", title="is the judge blind?", title_justify="left")
    are_caught = True
    for name in names:
        mutation = MUTATIONS[name]
        console.print(f"{name}: without '{mutation.guard}'", highlight=False)
        broken = broken_without(mutation, seed=seed, say=lambda line: console.print(line, markup=False))
        is_caught = bool(set(broken) & set(mutation.expected))
        are_caught = are_caught and is_caught
        said = ", ".join(broken) if is_caught else f"NOT CAUGHT ({', '.join(broken)})"
        console.print(f"  {said}", highlight=False)
        table.add_row(mutation.guard, name, said)
    console.print(table)
    return are_caught


def broken_without(mutation: Mutation, *, seed: int, say: Callable[[str], None]) -> list[str]:
    """The invariants that broke in a run of the tree without this guard."""
    with tempfile.TemporaryDirectory(prefix="caroud-mutant-") as folder:
        tree = Path(folder) / "tree"
        _copy(tree)
        for edit in mutation.edits:
            edit.apply(tree)
        figures = Path(folder) / "chaos.json"
        command = [sys.executable, "-m", "chaos", "--seconds", str(mutation.seconds), "--seed", str(seed)]
        command += ["--players", str(_PLAYERS), "--servers", str(_SERVERS), "--seats", str(_SEATS)]
        command += ["--squads", str(_SQUADS)]
        command += ["--kinds", ",".join(mutation.kinds) or "none", "--json", str(figures)]
        command += ["--folder", str(Path(folder) / "run")]
        environment = {**os.environ, "PYTHONPATH": str(tree / "backend")}
        output = _output_of(command, tree, environment, seconds=mutation.seconds + _BESIDES_SECONDS)
        if not figures.exists():
            say(output[-2000:])
            raise RuntimeError("the run without the guard did not come to its end")
        found: dict[str, Any] = json.loads(figures.read_text())
    return [each["invariant"] for each in found["invariants"] if not each["holds"]]


def _output_of(command: Sequence[str], tree: Path, environment: Mapping[str, str], *, seconds: float) -> str:
    """What the run said. However we end, it gets the time to take its servers down."""
    with subprocess.Popen(
        command,
        cwd=tree,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            return process.communicate(timeout=seconds)[0]
        except BaseException:
            process.terminate()
            process.wait(_STOP_SECONDS)
            raise


def _copy(tree: Path) -> None:
    tree.mkdir(parents=True)
    for name in _TREE:
        source = REPO / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns(".env"))
        else:
            shutil.copy(source, tree / name)
