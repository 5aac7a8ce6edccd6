"""A store that is away is news, not a fault of a task: the next run is due anyway."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError

from errors import NotInCharge, StoreUnavailable

logger = logging.getLogger(__name__)


@contextmanager
def logged_absence(what: str) -> Iterator[None]:
    """Say in one line that `what` has to wait."""
    try:
        yield
    except (StoreUnavailable, NotInCharge, OperationalError, InterfaceError) as error:
        logger.warning("%s has to wait: %s", what, (str(error).splitlines() or [type(error).__name__])[0])
