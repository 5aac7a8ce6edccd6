"""Whether the engine was compiled before: the first start says why it takes longer."""

import os
from pathlib import Path

from devstack.binaries import REPO_DIR

_ENGINE = REPO_DIR / "backend" / "matchmaking" / "engine"


def is_engine_compiled(engine: Path = _ENGINE) -> bool:
    """Whether machine code is kept that is no older than its source. A guess for a person: numba looks closer."""
    made = _newest(Path(os.environ.get("NUMBA_CACHE_DIR") or engine), "*.nbi")
    written = _newest(engine, "*.py")
    return bool(made) and all(at >= written.get(module, 0.0) for module, at in made.items())


def _newest(folder: Path, pattern: str) -> dict[str, float]:
    """When the newest file of each module was written; `walking.cost_of-201.py311.nbi` is one of `walking`."""
    found: dict[str, float] = {}
    for path in folder.rglob(pattern):
        module = path.name.partition(".")[0]
        found[module] = max(found.get(module, 0.0), path.stat().st_mtime)
    return found
