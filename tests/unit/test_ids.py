"""Ids of tickets and matches."""

import uuid

from caroud.wiring import clock, new_id


def test_an_id_is_a_uuid_of_its_time_and_random_beyond_that() -> None:
    before_ms = clock()
    ids = [new_id() for _ in range(2000)]
    after_ms = clock()

    assert len(set(ids)) == 2000
    assert [str(uuid.UUID(one)) for one in ids] == ids
    assert {(uuid.UUID(one).version, uuid.UUID(one).variant) for one in ids} == {(7, uuid.RFC_4122)}
    assert all(before_ms <= uuid.UUID(one).int >> 80 <= after_ms for one in ids)
    assert {one[19] for one in ids} == set("89ab")
    for place in set(range(15, 36)) - {18, 19, 23}:
        assert {one[place] for one in ids} == set("0123456789abcdef")
