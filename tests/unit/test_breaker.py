"""The breaker, with time in our hand."""

from datastore.breaker import Breaker, BreakerState


def test_it_is_closed_until_a_failure_opens_it_and_that_is_news_once() -> None:
    breaker = Breaker(open_seconds=1.0)

    assert breaker.state(0.0) is BreakerState.CLOSED
    assert breaker.open(10.0)
    assert not breaker.open(10.2)
    assert breaker.state(10.3) is BreakerState.OPEN


def test_after_its_time_one_caller_may_probe_and_the_others_may_not() -> None:
    breaker = Breaker(open_seconds=1.0)
    breaker.open(10.0)

    assert not breaker.may_probe(10.99)
    assert breaker.state(11.0) is BreakerState.HALF_OPEN
    assert [breaker.may_probe(11.0), breaker.may_probe(11.1), breaker.may_probe(11.9)] == [True, False, False]


def test_a_probe_that_fails_opens_it_anew_and_one_that_succeeds_closes_it() -> None:
    breaker = Breaker(open_seconds=1.0)
    breaker.open(10.0)
    assert breaker.may_probe(11.0)

    breaker.open(11.3)
    assert breaker.state(12.2) is BreakerState.OPEN
    assert breaker.may_probe(12.3)
    assert breaker.close()

    assert breaker.state(12.4) is BreakerState.CLOSED
    assert not breaker.close()
    assert not breaker.may_probe(99.0)


def test_a_probe_that_never_ends_is_given_up() -> None:
    breaker = Breaker(open_seconds=1.0)
    breaker.open(10.0)

    assert breaker.may_probe(11.0)
    assert breaker.may_probe(12.0)
