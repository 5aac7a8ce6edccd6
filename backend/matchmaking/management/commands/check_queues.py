"""`manage.py check_queues [file]`: are these rules the service can start with?"""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from matchmaking.rules import RulesError, load_rules
from matchmaking.rules.explain import summary


class Command(BaseCommand):
    help = "Check a file of rules: a line for each queue, or every fault with file, line and cure, and exit code 1."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", nargs="?", help="default: QUEUES_FILE")

    def handle(self, *args: Any, file: str | None, **options: Any) -> None:
        try:
            rules = load_rules(Path(file or settings.QUEUES_FILE))
        except RulesError as error:
            self.stderr.write(str(error))
            raise SystemExit(1) from error
        for name, queue in rules.queues.items():
            self.stdout.write(summary(queue) + (" (default)" if name == rules.default_queue else ""))
