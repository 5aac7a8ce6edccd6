"""How the tests are given to workers: groups whole, as `make test` says it."""

import pytest


@pytest.mark.xdist_group("of-two")
@pytest.mark.parametrize("number", [1, 2])
def test_a_group_is_known_to_who_gives_tests_to_workers(request: pytest.FixtureRequest, number: int) -> None:
    is_given_by_groups = getattr(request.config.option, "loadgroup", False)

    assert request.node.nodeid.endswith("@of-two") == is_given_by_groups
