"""The few errors that cross layers; `rest.problems` turns them into HTTP, once."""

from typing import Any


class StoreUnavailable(Exception):
    """A store did not answer or cannot write now. News, never an empty answer."""

    def __init__(self, store: str, reason: str) -> None:
        super().__init__(store, reason)  # as it was called, so that it can be pickled on its way out of a worker
        self.store = store
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.store} is unavailable: {self.reason}"


class NotInCharge(Exception):
    """This store is not in charge (any more): ask the other one. Nothing was written."""


class StoreLost(StoreUnavailable):
    """A store answers, and may have lost what it held: it is being compared with history. Nothing was promised."""


class Refusal(Exception):
    """A domain's "no", with the reason and the cure for whoever asked."""

    def __init__(self, detail: str, *, field: str | None = None, **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field
        self.extra = extra


class Invalid(Refusal):
    """What was sent cannot be meant; `field` names the part."""


class NotAllowed(Refusal):
    """The caller is known, and this is not theirs to do."""


class Unknown(Refusal):
    """There is no such thing (any more)."""


class Conflict(Refusal):
    """It contradicts what already happened; `extra` says what did."""


class NotYet(Refusal):
    """Nobody can say so now; the same call again has an answer in a moment."""
