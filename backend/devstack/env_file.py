"""Files of variables, one `NAME='value'` a line, as settings.py and shells read them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import environ

from devstack.private_file import write_private


def read_env_file(path: Path) -> dict[str, str]:
    """The variables of `path`; none when there is no such file."""
    variables: dict[str, str] = {}
    # The reader of settings.py, writing here instead of into this process's environment.
    reader: Any = type("Variables", (environ.Env,), {"ENVIRON": variables})
    if path.is_file():
        reader.read_env(path)
    return variables


def write_env_file(path: Path, variables: Mapping[str, str], *, heading: str) -> None:
    """Write `variables` so that `read_env_file` gives them back; only the owner can read the file."""
    lines = (f"{name}='{value}'\n" for name, value in variables.items())
    write_private(path, f"# {heading}\n{''.join(lines)}")
