"""`manage.py explain_queue ranked --rating 1500`: what its rules mean for a player, in plain words."""

from math import isfinite
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from matchmaking.rules import RulesError, load_rules
from matchmaking.rules.explain import explain


class Command(BaseCommand):
    help = "What a player of a rating meets in a queue after 0, 10, 30, 60 and 120 seconds of waiting."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("queue")
        parser.add_argument("--rating", type=float, help="rating points; default: a new player's")
        parser.add_argument("--file", help="default: QUEUES_FILE")

    def handle(self, *args: Any, queue: str, rating: float | None, file: str | None, **options: Any) -> None:
        try:
            rules = load_rules(Path(file or settings.QUEUES_FILE))
        except RulesError as error:
            self.stderr.write(str(error))
            raise SystemExit(1) from error
        if queue not in rules.queues:
            raise CommandError(f"queue: {queue!r} is not one of {', '.join(rules.queues)}")
        if rating is not None and not isfinite(rating):
            raise CommandError(f"rating: {rating} is no number of points")
        self.stdout.write(explain(rules.queues[queue], rating))
