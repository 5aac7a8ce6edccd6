"""`manage.py compile_engine`: the engine as machine code, kept beside its source (or in NUMBA_CACHE_DIR).

Whoever starts first would do it: half a minute in which no round is run.
"""

from typing import Any

from django.core.management.base import BaseCommand

from matchmaking.services.propose import warm_up


class Command(BaseCommand):
    help = "Compile the engine, so that no process has to do it at its first round. Repeating it takes a second."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        warm_up()
