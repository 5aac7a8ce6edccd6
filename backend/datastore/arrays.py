"""Columns of many rows for `unnest`: each one word, as PostgreSQL writes an array.

A list, as the driver writes it, is an expression of as many constants, which the parser takes one by one: for the
matches of a round that takes longer than writing them.
"""

import re
from collections.abc import Iterable

#: What PostgreSQL wants escaped between the quotes of an array's element.
_SPECIAL = re.compile(r'(["\\])')


def array_of(values: Iterable[object]) -> str:
    """Numbers, or ids that are UUIDs."""
    return "{" + ",".join(map(str, values)) + "}"


def text_array_of(values: Iterable[str | None]) -> str:
    """Texts, whatever stands in them."""
    texts = list(values)
    if _SPECIAL.search("".join(filter(None, texts))):  # one look for all: it is rare
        texts = [text and _SPECIAL.sub(r"\\\1", text) for text in texts]
    return "{" + ",".join(["NULL" if text is None else f'"{text}"' for text in texts]) + "}"
