"""The edits that remove guards fit the code as it is, so that `python -m chaos --mutate` removes what it says."""

from pathlib import Path

import pytest

from chaos.__main__ import INVARIANTS
from chaos.faults import KINDS
from chaos.mutations import MUTATIONS

REPO = Path(__file__).parents[2]


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_finds_its_guard_exactly_once(name: str) -> None:
    for edit in MUTATIONS[name].edits:
        assert (REPO / edit.path).read_text(encoding="utf-8").count(edit.old) == 1, edit.old
        assert edit.old != edit.new


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_mutation_names_faults_and_invariants_that_exist(name: str) -> None:
    assert set(MUTATIONS[name].kinds) <= set(KINDS)
    assert MUTATIONS[name].expected
    assert set(MUTATIONS[name].expected) <= set(INVARIANTS)
