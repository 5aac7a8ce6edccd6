"""What is wrong with the settings that lead to Redis, as far as the settings alone can tell.

`caroud/settings.py` refuses to start with any of it; `caroud/checks.py` makes each a system check, for settings that
were made in another way (a settings module of one's own that imports ours).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from datastore.address import RedisAddress, Topology


@dataclass(frozen=True, slots=True)
class Fault:
    """A setting, what is wrong with it, and the cure."""

    setting: str
    problem: str

    def __str__(self) -> str:
        return f"{self.setting}: {self.problem}"


def redis_faults(*, redis_url: str, key_prefix: str, broker_url: str) -> list[Fault]:
    """What cannot work, or would talk to anybody without a word."""
    try:
        data = RedisAddress.parse(redis_url)
    except ValueError as error:
        return [Fault("REDIS_URL", str(error))]
    found = [*_faults_of_data(data, key_prefix), *_missing_ca_files("REDIS_URL", data)]
    if not broker_url.startswith("redis"):
        return found  # not ours to read: a transport of Celery's own
    try:
        broker = RedisAddress.parse(broker_url)
    except ValueError as error:
        return [*found, Fault("CELERY_BROKER_URL", str(error))]
    return [*found, *_faults_of_broker(broker, data), *_missing_ca_files("CELERY_BROKER_URL", broker)]


def unverified(name: str, url: str) -> Iterator[Fault]:
    """TLS with the verification switched off: whoever sits on the way can read and change everything."""
    try:
        address = RedisAddress.parse(url)
    except ValueError:
        return
    options = {option: value.lower() for option, value in address.options.items()}
    is_required = options.get("ssl_cert_reqs", "required") in ("required", "cert_required")
    if address.is_tls and not (is_required and options.get("ssl_check_hostname", "true") in ("true", "yes", "1")):
        yield Fault(
            name, "does not verify whom it talks to: take ssl_cert_reqs and ssl_check_hostname out, set REDIS_CA_FILE"
        )


def has_hash_tag(prefix: str) -> bool:
    """Whether all keys behind this prefix are in one hash slot: something is between the first { and the next }."""
    _, opened, rest = prefix.partition("{")
    tag, closed, _ = rest.partition("}")
    return bool(opened and closed and tag)


def _faults_of_data(data: RedisAddress, key_prefix: str) -> Iterator[Fault]:
    if data.topology is Topology.CLUSTER and not has_hash_tag(key_prefix):
        yield Fault(
            "REDIS_KEY_PREFIX",
            f"{key_prefix!r} has no hash tag, and REDIS_URL names a cluster, where the keys of a script have to be in "
            "one slot: set it to {caroud}: or the like",
        )


def _faults_of_broker(broker: RedisAddress, data: RedisAddress) -> Iterator[Fault]:
    is_of_the_cluster = data.topology is Topology.CLUSTER and set(broker.nodes) & set(data.nodes)
    if broker.topology is Topology.CLUSTER or is_of_the_cluster:
        yield Fault(
            "CELERY_BROKER_URL", "Celery cannot use a Redis Cluster as its broker: set it to a Redis that is none"
        )
    if broker.topology is Topology.SERVER and broker.is_tls and "ssl_cert_reqs" not in broker.options:
        yield Fault(
            "CELERY_BROKER_URL", "rediss:// without ssl_cert_reqs turns verification off: add ?ssl_cert_reqs=required"
        )


def _missing_ca_files(name: str, address: RedisAddress) -> Iterator[Fault]:
    file = address.options.get("ssl_ca_certs")
    if address.is_tls and file and not Path(file).is_file():
        yield Fault(name, f"there is no CA file {file} (REDIS_CA_FILE, or ssl_ca_certs in the URL)")
