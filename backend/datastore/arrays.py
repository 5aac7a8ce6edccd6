"""Columns of many rows for `unnest`: each one word, as PostgreSQL writes an array.

A list, as the driver writes it, is an expression of as many constants, which the parser takes one by one: for the
matches of a round that takes longer than writing them.
"""

from collections.abc import Iterable


def array_of(values: Iterable[object]) -> str:
    """Numbers, or ids that are UUIDs."""
    return "{" + ",".join(map(str, values)) + "}"


def text_array_of(values: Iterable[str | None]) -> str:
    """Texts, whatever stands in them."""
    texts = list(values)
    together = "".join(filter(None, texts))
    if '"' in together or "\\" in together:  # one look for all: it is rare
        texts = [text and text.replace("\\", r"\\").replace('"', r"\"") for text in texts]
    return "{" + ",".join(["NULL" if text is None else f'"{text}"' for text in texts]) + "}"
