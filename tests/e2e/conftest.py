"""Tests of one file may share a stack; who stops it comes last."""

from itertools import groupby

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """In a random order but for those that are marked `last_of_its_file`."""
    files = [list(of_one) for _, of_one in groupby(items, key=lambda item: item.path)]
    items[:] = [item for of_one in files for item in sorted(of_one, key=_comes_last)]


def _comes_last(item: pytest.Item) -> bool:
    return item.get_closest_marker("last_of_its_file") is not None
