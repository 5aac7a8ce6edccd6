"""The whole schema, called by machine: whatever is sent, by whomever, the answer is one that the schema declares.

Schemathesis makes the requests: first every boundary of every parameter (coverage), then drawn ones, valid and not.
The second caller of each is drawn too, so that a server's token meets players' calls and the other way round.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from datastore.rates import rate_of
from tests.integration.conftest import PASSWORD, Api

application = get_wsgi_application()

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
#: Drawn requests of each operation and kind; the boundaries come on top. The whole file takes about 20 s.
EXAMPLES = 10
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]


@cache
def schema() -> Any:
    made = schemathesis.openapi.from_dict(SchemaGenerator().get_schema(public=True))
    made.app = application
    return made


@cache
def operations() -> dict[str, Any]:
    found = (result.ok() for result in schema().get_all_operations())
    return {f"{operation.method.upper()} {operation.path}": operation for operation in found}


@dataclass(frozen=True)
class Callers:
    """The headers of each kind of caller, and real ids for the paths."""

    headers: dict[str, dict[str, str]]
    ids: dict[str, str]

    def fitting(self, operation: Any) -> list[str]:
        """Whom the operation lets in, as its `security` says."""
        security = operation.definition.raw.get("security") or []
        names = {"playerToken": "staff", "serverToken": "server", "fleetKey": "fleet"}
        return [names[scheme] for requirement in security for scheme in requirement] or ["anonymous"]


@pytest.fixture
def callers(api: Api, django_user_model: Any, settings: Any) -> Iterator[Callers]:
    from django.conf import settings as now  # noqa: PLC0415

    settings.RATE_LIMIT_PLAYER = settings.RATE_LIMIT_SERVER = settings.RATE_LIMIT_ADDRESS = rate_of("off")
    settings.ALLOWED_HOSTS = ["*"]
    token = api.server("eu-1", capacity=1)
    player, _, match_id = api.matched_pair()
    party = api.post("parties/", token=player.token, expect=201)
    boss = api.player("boss")
    django_user_model.objects.filter(id=boss.id).update(is_staff=True)
    staff = api.post("token/", {"username": "boss", "password": PASSWORD})["access"]
    api.post("parties/join/", {"code": party["code"]}, token=staff)
    api.post(f"parties/{party['id']}/lead/", {"player": boss.id}, token=player.token)
    waiting = api.player()
    api.post("matchmaking/join/", token=waiting.token)
    bearers = {"player": player.token, "server": token, "staff": staff, "forged": staff[:-5] + "AAAAA"}
    headers = {name: {"Authorization": f"Bearer {bearer}"} for name, bearer in bearers.items()}
    headers |= {"anonymous": {}, "fleet": {"X-Fleet-Key": now.FLEET_KEYS[0]}}
    # The test's transaction has to outlive a request, as it does with Django's own client.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    ids = {"server_id": "eu-1", "match_id": match_id, "party_id": party["id"], "player_id": waiting.id}
    yield Callers(headers, ids)
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def send(case: Any, headers: dict[str, str]) -> None:
    """One request through the real WSGI application; fails where the answer breaks the schema."""
    response = case.call(headers=headers)
    case.validate_response(response, checks=CHECKS)


@pytest.mark.parametrize("name", sorted(operations()))
def test_every_boundary_of_every_call_is_answered_as_declared(api: Api, callers: Callers, name: str) -> None:
    operation = operations()[name]
    who = callers.fitting(operation)
    cases = schema().iter_coverage_cases(
        operation, generation_modes=MODES, generation_config=schema().config.generation_for(operation=operation)
    )
    sent = 0
    for case in cases:
        if case.method.upper() != operation.method.upper():
            continue  # other methods: tests of hostile input
        send(case, callers.headers[who[sent % len(who)]])
        sent += 1
    assert sent


@pytest.mark.parametrize("name", sorted(operations()))
def test_drawn_requests_of_every_kind_of_caller_are_answered_as_declared(api: Api, callers: Callers, name: str) -> None:
    operation = operations()[name]
    kinds = st.sampled_from([*callers.fitting(operation) * 3, *callers.headers])
    cases = st.one_of(*[operation.as_strategy(mode) for mode in MODES])

    @settings(
        max_examples=EXAMPLES,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, kind=kinds, is_real=st.booleans())
    def called(case: Any, kind: str, is_real: bool) -> None:
        if is_real:
            case.path_parameters = {**(case.path_parameters or {}), **ids_of(case, callers)}
        send(case, callers.headers[kind])

    called()


def ids_of(case: Any, callers: Callers) -> dict[str, str]:
    return {name: callers.ids[name] for name in case.path_parameters or {}}
