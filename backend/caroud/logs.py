"""Log lines: plain for people, JSON for machines, by one setting; ids as fields.

Code logs through the standard library: `logger.info("…", extra={"player": …, "match": …})`. The fields in
`FIELDS` come out behind the line (plain) or as keys (JSON).
"""

import logging
import sys
from typing import Any

import structlog
from celery import current_task
from structlog.types import EventDict, WrappedLogger

#: Extra fields of a log record that are shown.
FIELDS = ("player", "ticket", "match", "queue", "task", "server")


def _ids(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Take the ids out of the record, and the id of the Celery task that is running."""
    record: logging.LogRecord | None = event.get("_record")
    for field in FIELDS:
        value = getattr(record, field, None)
        if value is not None:
            event[field] = value
    if current_task:
        event["task"] = current_task.request.id
    return event


def _plain_line(_: WrappedLogger, __: str, event: EventDict) -> str:
    """`time LEVEL logger message key=value …`: cheap, and greppable."""
    ids = "".join(f" {field}={event[field]}" for field in FIELDS if field in event)
    trace = f"\n{event['exception']}" if event.get("exception") else ""
    return f"{event['timestamp']} {event['level'].upper():<7} {event['logger']} {event['event']}{ids}{trace}"


def configure_logging(config: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG hook. `config`: {"format": "plain"|"json", "level": "INFO"}."""
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        _ids,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last: list[Any] = (
        [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
        if config["format"] == "json"
        else [_plain_line]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=last))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(config["level"])
    # One line a task and a request is the trade of a debugger, not of a service with thousands a second.
    for noisy in ("celery.app.trace", "celery.worker.strategy", "celery.beat", "httpx"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    # A 4xx is the caller's news and is in the answer; a 503 was logged where it arose; any other 5xx is ours.
    requests = logging.getLogger("django.request")
    requests.setLevel(logging.ERROR)
    requests.filters[:] = [lambda record: getattr(record, "status_code", 500) != 503]
