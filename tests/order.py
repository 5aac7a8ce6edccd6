"""A pytest plugin: the order of the tests, random but for two things.

What takes long begins first, so that no worker is left with it at the end; and who stops what others share comes last.
"""

from itertools import groupby

import pytest


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    files = [list(of_one) for _, of_one in groupby(items, key=lambda item: item.path)]
    in_files = [item for of_one in files for item in sorted(of_one, key=_comes_last)]
    items[:] = sorted(in_files, key=_seconds, reverse=True)


def _comes_last(item: pytest.Item) -> bool:
    return item.get_closest_marker("last_of_its_file") is not None


def _seconds(item: pytest.Item) -> int:
    takes = item.get_closest_marker("takes")
    return int(takes.args[0]) if takes else 0
