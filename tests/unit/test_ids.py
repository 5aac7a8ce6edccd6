"""Ids of tickets and matches."""

import uuid

from caroud.wiring import new_id


def test_an_id_is_a_random_uuid() -> None:
    ids = [new_id() for _ in range(2000)]

    assert len(set(ids)) == 2000
    assert {(uuid.UUID(one).version, uuid.UUID(one).variant) for one in ids} == {(4, uuid.RFC_4122)}
    assert [str(uuid.UUID(one)) for one in ids] == ids
    for place in set(range(36)) - {8, 13, 14, 18, 19, 23}:
        assert {one[place] for one in ids} == set("0123456789abcdef")
    assert {one[19] for one in ids} == set("89ab")
