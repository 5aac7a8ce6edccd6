"""What may stand in REDIS_URL, and what is wrong with what stands there."""

import pytest
from django.core.checks import run_checks
from django.core.checks.registry import registry

from caroud.checks import redis_is_verified, redis_settings_work
from datastore.address import Node, RedisAddress, Topology
from datastore.broker import broker_settings
from datastore.faults import has_hash_tag, redis_faults


def test_one_server_with_login_database_and_options() -> None:
    address = RedisAddress.parse("rediss://caroud:p%40ss@redis.example:6380/3?ssl_ca_certs=/etc/ca.pem")

    assert (address.topology, address.is_tls, address.db) == (Topology.SERVER, True, 3)
    assert address.nodes == (Node("redis.example", 6380),)
    assert address.login == "caroud:p%40ss@"
    assert address.options == {"ssl_ca_certs": "/etc/ca.pem"}


def test_sentinels_with_their_own_login_and_the_service_that_they_watch() -> None:
    address = RedisAddress.parse("redis+sentinel://:secret@s1,s2:5000/my%20service/2?sentinel_password=other")

    assert address.nodes == (Node("s1", 26379), Node("s2", 5000))
    assert (address.service, address.db) == ("my service", 2)
    assert address.sentinel_login == {"password": "other"}
    assert address.options == {}


@pytest.mark.parametrize(
    ("host", "node"),
    [
        ("", Node("localhost", 6379)),
        ("h", Node("h", 6379)),
        ("h:1", Node("h", 1)),
        ("[2001:db8::1]", Node("2001:db8::1", 6379)),
        ("[2001:db8::1]:7", Node("2001:db8::1", 7)),
    ],
)
def test_a_host_may_come_without_a_port_and_in_brackets(host: str, node: Node) -> None:
    address = RedisAddress.parse(f"redis+cluster://{host}")

    assert address.nodes == (node,)
    assert RedisAddress.parse(address.url_of(node)).nodes == (node,)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("localhost:6379", "none of redis://"),
        ("user:pass-word@localhost:6379", "none of redis://"),
        ("http://h", "none of redis"),
        ("redis+socket:///tmp/s", "none of redis"),
        ("redis://h/one", "number of a database"),
        ("redis://h:port", "not a port"),
        ("redis+cluster://h/1", "database 0"),
        ("redis+sentinel://h:26379", "name of the service"),
    ],
)
def test_what_is_wrong_with_a_url_is_said_without_its_password(url: str, problem: str) -> None:
    secret = url.replace("://", "://user:pass-word@")

    with pytest.raises(ValueError, match=problem) as refused:
        RedisAddress.parse(secret)

    assert "pass-word" not in str(refused.value)


def test_a_log_line_shows_where_and_no_password() -> None:
    url = "redis+sentinel://user:secret@s1:1,s2:2/mymaster/0?sentinel_password=secret"

    assert str(RedisAddress.parse(url)) == "mymaster of s1:1,s2:2"


@pytest.mark.parametrize(
    ("prefix", "has"),
    [("{caroud}:", True), ("x{y}", True), ("", False), ("caroud:", False), ("{}:", False), ("{caroud:", False)],
)
def test_a_hash_tag_is_something_between_braces(prefix: str, has: bool) -> None:
    assert has_hash_tag(prefix) is has


@pytest.mark.parametrize(
    ("redis_url", "prefix", "broker_url", "setting"),
    [
        ("redis+cluster://h", "caroud:", "redis://b", "REDIS_KEY_PREFIX"),
        ("redis+cluster://h", "{c}:", "redis+cluster://h", "CELERY_BROKER_URL"),
        ("redis+cluster://h:1,h:2", "{c}:", "redis://h:2/0", "CELERY_BROKER_URL"),
        ("redis://h", "", "rediss://b:1/0", "CELERY_BROKER_URL"),
        ("rediss://h?ssl_ca_certs=/nowhere.pem", "", "redis://b", "REDIS_URL"),
    ],
)
def test_each_fault_names_its_setting(redis_url: str, prefix: str, broker_url: str, setting: str) -> None:
    faults = redis_faults(redis_url=redis_url, key_prefix=prefix, broker_url=broker_url)

    assert [fault.setting for fault in faults] == [setting]


@pytest.mark.parametrize(
    ("redis_url", "prefix", "broker_url"),
    [
        ("redis://h", "", "redis://h"),
        ("redis+cluster://h:1", "{c}:", "redis://h:3/0"),
        ("redis+sentinel://s/m/0", "", "redis+sentinel://s/m/1"),
        ("rediss://h", "", "rediss://b?ssl_cert_reqs=required"),
        ("rediss+sentinel://s/m", "", "rediss+sentinel://s/m"),
        ("redis://h", "", "amqp://b"),
    ],
)
def test_what_works_has_no_fault(redis_url: str, prefix: str, broker_url: str) -> None:
    assert redis_faults(redis_url=redis_url, key_prefix=prefix, broker_url=broker_url) == []


def test_a_bare_rediss_broker_is_an_error_of_the_system_check(settings) -> None:  # type: ignore[no-untyped-def]
    settings.CELERY_BROKER_URL = "rediss://b:1/0"

    assert redis_settings_work in registry.get_checks()
    assert [error.id for error in run_checks(tags=["compatibility"])] == ["caroud.E001.CELERY_BROKER_URL"]


@pytest.mark.parametrize("option", ["ssl_cert_reqs=none", "ssl_cert_reqs=CERT_OPTIONAL", "ssl_check_hostname=false"])
def test_verification_that_is_switched_off_shows_in_the_deployment_check(option: str, settings) -> None:  # type: ignore[no-untyped-def]
    settings.REDIS_URL = f"rediss://h:1/0?{option}"
    settings.CELERY_BROKER_URL = "rediss://h:1/0?ssl_cert_reqs=required"

    assert redis_is_verified in registry.get_checks(include_deployment_checks=True)
    assert [warning.id for warning in redis_is_verified(None)] == ["caroud.W001.REDIS_URL"]


def test_celery_gets_a_url_for_each_sentinel_and_verifies_them_all() -> None:
    url = "rediss+sentinel://:secret@s1:1,s2:2/mymaster/3?sentinel_password=other&ssl_ca_certs=/ca.pem"

    made = broker_settings(url, key_prefix="{caroud}:")

    expected = "sentinel://:secret@s1:1/3;sentinel://:secret@s2:2/3"
    assert (made["broker_url"], made["broker_read_url"], made["broker_write_url"]) == (expected, expected, expected)
    assert made["broker_use_ssl"] == {"ssl_cert_reqs": "required", "ssl_ca_certs": "/ca.pem"}
    options = made["broker_transport_options"]
    assert options["master_name"] == "mymaster"
    to_sentinels = options["sentinel_kwargs"]
    assert (to_sentinels["ssl"], to_sentinels["ssl_cert_reqs"], to_sentinels["password"]) == (True, "required", "other")
