"""Players of a studio's own accounts: tokens of another issuer, verified by its public keys over real HTTP."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from players import tokens
from players.models import Player
from tests.integration.conftest import Api

ISSUER, AUDIENCE = "https://accounts.studio.example", "caroud"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class _Jwks(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        key = json.loads(RSAAlgorithm.to_jwk(KEY.public_key())) | {"kid": "studio-1", "use": "sig", "alg": "RS256"}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"keys": [key]}).encode())

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def issuer(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with HTTPServer(("127.0.0.1", 0), _Jwks) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        settings.EXTERNAL_JWKS_URL = f"http://127.0.0.1:{server.server_port}/jwks.json"
        settings.EXTERNAL_ISSUER, settings.EXTERNAL_AUDIENCE = ISSUER, AUDIENCE
        tokens._jwks_client.cache_clear()
        monkeypatch.setattr(tokens, "_verified", tokens._VerifiedTokens(100))
        yield
        server.shutdown()
        thread.join()
    tokens._jwks_client.cache_clear()


def a_token(*, key: Any = KEY, algorithm: str = "RS256", **changes: Any) -> str:
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "studio-user-7", "exp": int(time.time()) + 600}
    claims = {name: value for name, value in (claims | changes).items() if value is not None}
    return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": "studio-1"})


def test_a_player_of_the_studio_joins_and_gets_an_account_with_the_first_join(api: Api, issuer: None) -> None:
    token = a_token(preferred_username="studio-name")

    assert api.post("matchmaking/join/", token=token)["your_elo"] == 1200
    assert api.post("matchmaking/leave/", token=a_token())["status"] == "left"

    player = Player.objects.get()
    assert (player.username, player.external_subject) == ("studio-name", f"{ISSUER}|studio-user-7")
    assert not player.has_usable_password()


def test_a_name_that_is_taken_here_gets_a_suffix(api: Api, issuer: None) -> None:
    api.player("tangerine")

    api.post("matchmaking/join/", token=a_token(preferred_username="tangerine"))

    name = Player.objects.exclude(external_subject="").get().username
    assert name.startswith("tangerine-")


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another-service"},
        {"exp": int(time.time()) - 5},
        {"exp": None},
        {"sub": None},
        {"key": OTHER_KEY},
        {"key": "a-shared-secret-of-thirty-two-bytes!", "algorithm": "HS256"},
    ],
)
def test_a_token_that_the_issuer_did_not_mean_for_us_is_refused(
    api: Api, issuer: None, changes: dict[str, Any]
) -> None:
    assert api.get("matchmaking/status/", token=a_token(**changes), expect=401)
    assert Player.objects.count() == 0


def test_a_studio_token_is_never_staff(api: Api, issuer: None) -> None:
    assert api.get("servers/", token=a_token(is_staff=True, token_type="access"), expect=403)


def test_without_the_setting_no_other_issuer_is_believed(api: Api) -> None:
    assert api.get("matchmaking/status/", token=a_token(), expect=401)


@pytest.mark.parametrize("name", ["a\u0000b", "\ud800", "x\u202eexe.gpj", "line\r\nbreak", "\u200b", "y" * 1_000])
def test_a_name_of_the_studio_is_kept_as_far_as_it_is_text(api: Api, issuer: None, name: str) -> None:
    token = a_token(preferred_username=name)

    api.post("matchmaking/join/", token=token)

    kept = Player.objects.get().username
    assert kept.isprintable()
    assert 0 < len(kept) <= 150


@pytest.mark.parametrize("subject", ["a\u0000b", "\ud800", "z" * 300])
def test_a_subject_that_cannot_be_kept_is_refused(api: Api, issuer: None, subject: str) -> None:
    assert api.post("matchmaking/join/", token=a_token(sub=subject), expect=401)
    assert not Player.objects.exists()
