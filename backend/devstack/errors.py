"""The one error of a start: a line for a person, with the setting or the cure in it."""


class StartFailed(Exception):
    """The stack cannot start (any further). Its text is one line and is all that the person sees."""
