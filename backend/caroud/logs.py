"""Log lines: plain for people, JSON for machines, by one setting; ids as fields.

Code logs through the standard library: `logger.info("…", extra={"player": …, "match": …})`. The fields in
`FIELDS` come out behind the line (plain) or as keys (JSON).
"""

import logging
import sys
import time
from contextvars import ContextVar
from typing import Any, TextIO

import structlog
from celery.signals import task_postrun, task_prerun
from structlog.types import EventDict, WrappedLogger

#: Extra fields of a log record that are shown.
FIELDS = ("player", "ticket", "match", "queue", "task", "server")


#: Id of the Celery task that is running here.
_running_task: ContextVar[str | None] = ContextVar("running_task", default=None)


def _note_task(task_id: str, **_: Any) -> None:
    _running_task.set(task_id)


def _forget_task(**_: Any) -> None:
    _running_task.set(None)


task_prerun.connect(_note_task)
task_postrun.connect(_forget_task)


def _ids_of(record: logging.LogRecord) -> dict[str, Any]:
    """The ids of a record, and of the Celery task that is running."""
    said = record.__dict__
    ids = {field: said[field] for field in FIELDS if said.get(field) is not None}
    task = _running_task.get()
    if task is not None:
        ids["task"] = task
    return ids


def _add_ids(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    event.update(_ids_of(event["_record"]))
    return event


class PlainFormatter(logging.Formatter):
    """`time LEVEL logger message key=value …`: greppable, and cheap, for a join writes one."""

    #: The last second that was written, and how: most lines are of the same one.
    _second: tuple[int, str] = (0, "")

    def format(self, record: logging.LogRecord) -> str:
        second, milliseconds = divmod(int(record.created * 1000), 1000)
        known, at = self._second
        if known != second:
            at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second, at
        ids = "".join(f" {field}={value}" for field, value in _ids_of(record).items())
        trace = f"\n{self.formatException(record.exc_info)}" if record.exc_info else ""
        return f"{at}.{milliseconds:03d}Z {record.levelname:<7} {record.name} {record.getMessage()}{ids}{trace}"


def _json_formatter() -> logging.Formatter:
    """The same as one JSON object a line."""
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            _add_ids,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )


def _without_traceback(handler: logging.StreamHandler[TextIO]) -> logging.Handler:
    """A handler as this one, which writes warnings without where they were raised."""
    other = logging.StreamHandler(handler.stream)
    other.setFormatter(handler.formatter)
    other.addFilter(_as_warning)
    return other


def _as_warning(record: logging.LogRecord) -> bool:
    record.exc_info = None
    record.levelno, record.levelname = logging.WARNING, "WARNING"
    return logging.getLogger().isEnabledFor(logging.WARNING)


def configure_logging(config: dict[str, Any]) -> None:
    """Django's LOGGING_CONFIG hook. `config`: {"format": "plain"|"json", "level": "INFO"}."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_json_formatter() if config["format"] == "json" else PlainFormatter())
    # What no line shows is not looked up: caller, thread and process cost as much as the rest of a record.
    logging._srcfile = None
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(config["level"])
    # One line a task and a request is the trade of a debugger, not of a service with thousands a second.
    for noisy in ("celery.app.trace", "celery.worker.strategy", "celery.beat", "httpx"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    # A host or a query that Django refuses is the caller's mistake: a line for whoever looks for it, and no traceback.
    security = logging.getLogger("django.security")
    security.handlers[:] = [_without_traceback(handler)]
    security.propagate = False
    # A 4xx is the caller's news and is in the answer; a 503 was logged where it arose; any other 5xx is ours.
    requests = logging.getLogger("django.request")
    requests.setLevel(logging.ERROR)
    requests.filters[:] = [lambda record: getattr(record, "status_code", 500) != 503]
