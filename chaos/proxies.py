"""The harness's hand on the proxies: starts their process and gives orders."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

REPO = Path(__file__).resolve().parents[1]


class ProxyProcess:
    """The running proxies, by name; `ports` says where each listens."""

    def __init__(self, targets: Mapping[str, int]) -> None:
        addresses = {name: ("127.0.0.1", port) for name, port in targets.items()}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "chaos.proxy", json.dumps(addresses)],
            cwd=REPO,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._lock = Lock()
        assert self._process.stdout is not None
        self.ports: dict[str, int] = json.loads(self._process.stdout.readline())

    def order(self, proxies: Sequence[str], what: str, **options: Any) -> None:
        """Tell these proxies what to do, and wait until they do it."""
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps({"proxies": list(proxies), "do": what, **options}) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        if answer != "ok\n":
            raise RuntimeError(f"the proxies did not take {what!r}")

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()
