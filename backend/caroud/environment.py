"""Reads environment variables: a value that cannot be meant is refused in one line that names its setting.

Empty is as good as not set, for all that is read here.
"""

from math import isfinite

import environ
from django.core.exceptions import ImproperlyConfigured

_TRUE = ("true", "1", "yes", "on", "y", "ok")
_FALSE = ("false", "0", "no", "off", "n")


class Environment(environ.Env):  # type: ignore[misc]  # django-environ's types do not reach mypy
    """django-environ's reader, with bounds and known words."""

    def number(self, name: str, *, default: float, least: float, most: float, unit: str) -> float:
        """A number from `least` to `most`."""
        text = self._text(name)
        if not text:
            return default
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not (isfinite(value) and least <= value <= most):
            raise ImproperlyConfigured(f"{name}={text}: has to be from {least:g} to {most:.10g} {unit}")
        return value

    def whole(self, name: str, *, default: int, least: int, most: int, unit: str) -> int:
        """A whole number from `least` to `most`."""
        text = self._text(name)
        if not text:
            return default
        if not text.isdecimal() or not least <= int(text) <= most:
            raise ImproperlyConfigured(f"{name}={text}: has to be a whole number from {least} to {most} {unit}")
        return int(text)

    def flag(self, name: str, *, default: bool) -> bool:
        """True or False, in the usual words."""
        text = self._text(name).lower()
        if not text:
            return default
        if text not in _TRUE + _FALSE:
            raise ImproperlyConfigured(f"{name}={text}: has to be True or False")
        return text in _TRUE

    def word(self, name: str, *known: str, default: str) -> str:
        """One of some words, whose upper and lower case are the same."""
        text = self._text(name) or default
        for word in known:
            if word.lower() == text.lower():
                return word
        raise ImproperlyConfigured(f"{name}={text}: has to be one of {', '.join(known)}")

    def _text(self, name: str) -> str:
        return str(self.str(name, default="")).strip()
