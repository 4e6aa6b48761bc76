"""Validation of keys: forged, altered, oversized and duplicate tokens."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import string
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from omoide.core import clock
from omoide.core.auth import ADMIN, KEY_CHARACTERS, Keyring, Principal
from omoide.core.errors import Unauthorized
from tests.conftest import SECRET
from tests.security.in_process import Application, application

NOW = 1_800_000_000_000_000
HS256 = b'{"alg":"HS256","typ":"JWT"}'
ADMIN_CLAIMS = b'{"ad":true}'
ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
LISTED = "/v3/workspaces/list"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(claims: bytes, *, head: bytes = HS256, secret: bytes = SECRET.encode(), hash: str = "sha256") -> str:
    """A token of exactly these bytes, because a library would refuse to create most of them."""
    message = f"{b64(head)}.{b64(claims)}"
    return f"{message}.{b64(hmac.new(secret, message.encode(), hash).digest())}"


def judged(token: str) -> Principal | str:
    """The token's principal, or the reason for its refusal."""
    try:
        return Keyring(SECRET).principal(f"Bearer {token}", NOW)
    except Unauthorized as refusal:
        return refusal.detail


def test_a_correct_handmade_token_is_accepted() -> None:
    assert judged(signed(ADMIN_CLAIMS)) == ADMIN


NONE = ("none", "None", "NONE", "nOnE", "")


@pytest.mark.parametrize("alg", NONE)
@pytest.mark.parametrize("signature", ["", "AA", "kept"])
def test_a_token_without_a_signature_is_refused(alg: str, signature: str) -> None:
    head = b64(json.dumps({"alg": alg, "typ": "JWT"}).encode())
    kept = signed(ADMIN_CLAIMS).rpartition(".")[2]
    token = f"{head}.{b64(ADMIN_CLAIMS)}.{kept if signature == 'kept' else signature}"
    assert judged(token) == "Invalid JWT"


def public_keys() -> Iterator[bytes]:
    private: list[rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey]
    private = [rsa.generate_private_key(65_537, 2_048), ec.generate_private_key(ec.SECP256R1())]
    for key in private:
        yield key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("alg", ["RS256", "ES256", "PS256", "EdDSA", "HS384", "HS512", "hs256", "HS256 ", "dir"])
def test_another_algorithm_is_refused(alg: str) -> None:
    head = json.dumps({"alg": alg}).encode()
    assert judged(signed(ADMIN_CLAIMS, head=head)) == "Invalid JWT"
    for public in public_keys():  # signed with a public value instead of the secret
        assert judged(signed(ADMIN_CLAIMS, head=head, secret=public)) == "Invalid JWT"


@pytest.mark.parametrize("hash", ["sha384", "sha512"])
def test_a_longer_hash_with_our_algorithm_is_refused(hash: str) -> None:
    assert judged(signed(ADMIN_CLAIMS, hash=hash)) == "Invalid JWT"


@pytest.mark.parametrize("secret", [b"", b"secret", SECRET.encode()[:-1], SECRET.upper().encode()])
def test_another_secret_is_refused(secret: bytes) -> None:
    assert judged(signed(ADMIN_CLAIMS, secret=secret)) == "Invalid JWT"


@pytest.mark.parametrize(
    "head",
    [
        b'{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"}}',
        b'{"alg":"HS256","jku":"http://127.0.0.1:1/keys"}',
        b'{"alg":"HS256","x5u":"http://127.0.0.1:1/keys"}',
        b'{"alg":"HS256","kid":"../../../../dev/null"}',
        b'{"alg":"HS256","kid":"\' UNION SELECT \'\' --"}',
    ],
    ids=["jwk", "jku", "x5u", "a path", "SQL"],
)
def test_a_token_cannot_choose_how_it_is_verified(head: bytes) -> None:
    for secret in (b"", b"\0\0\0"):
        assert judged(signed(ADMIN_CLAIMS, head=head, secret=secret)) == "Invalid JWT"
    assert judged(signed(ADMIN_CLAIMS, head=head)) == ADMIN  # its value is ignored


@pytest.mark.parametrize(
    "head",
    [
        b'{"alg":"HS256","crit":["exp"]}',
        b'{"alg":"HS256","b64":false,"crit":["b64"]}',
        b'{"alg":"HS256","kid":5}',
        b"[]",
        b"null",
        b"{}",
        b"",
        b'{"alg":"HS256"',
        b'{"alg":["HS256"]}',
        b'{"alg":null}',
        b"\xff",
    ],
)
def test_a_malformed_header_is_refused(head: bytes) -> None:
    assert judged(signed(ADMIN_CLAIMS, head=head)) == "Invalid JWT"


@pytest.mark.parametrize(
    "twist",
    [
        lambda t: t + "=",
        lambda t: t + "==",
        lambda t: t + "!",
        lambda t: t + "\0",
        lambda t: t + ".",
        lambda t: t + "." + t,
        lambda t: t + ", Bearer " + t,
        lambda t: t + " " + t,
        lambda t: t.replace(".", "..", 1),
        lambda t: "." + t,
        lambda t: t[:-1],
        lambda t: t[:-4],
        lambda t: t + "A",
        lambda t: t.upper(),
        lambda t: t.replace(".", "=.", 1),
        lambda t: t.replace(".", "%2e"),
        lambda t: t.replace("e", "\u0435", 1),
        lambda t: '"' + t + '"',
        lambda t: t[:-1] + ALPHABET[ALPHABET.index(t[-1]) | 1],  # the same bytes for a lax decoder
    ],
)
def test_another_encoding_of_a_valid_token_is_refused(twist: Callable[[str], str]) -> None:
    token = signed(ADMIN_CLAIMS)
    assert judged(twist(token)) in ("Invalid JWT", "No access token provided")


@pytest.mark.parametrize(
    "claims",
    [
        b'{"w":"a","w":"b"}',
        b'{"ad":false,"ad":true}',
        b'{"w":"a","exp":1,"exp":4000000000}',
        b"[]",
        b'"ad"',
        b"null",
        b"true",
        b"",
        b'{"ad":true',
        b'{"ad":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"ad":"true"}',
        b'{"ad":"false"}',
        b'{"ad":1}',
        b'{"ad":[0]}',
        b'{"ad":{}}',
        b'{"w":true}',
        b'{"w":{"$ne":""}}',
        b'{"w":"a","p":["p"]}',
        b'{"w":"a","s":0}',
        b'{"ad":true,"exp":NaN}',
        b'{"ad":true,"exp":-Infinity}',
        b'{"ad":true,"exp":1e400}',
        b'{"ad":true,"exp":"never"}',
        b'{"ad":true,"exp":{}}',
        b'{"ad":true,"exp":' + b"9" * 5_000 + b"}",
        b'{"ad":true,"nbf":"2099-01-01T00:00:00Z"}',
        b'{"ad":true,"nbf":4000000000}',
        b'{"ad":true,"iat":4000000000}',
    ],
)
def test_invalid_claims_are_refused(claims: bytes) -> None:
    assert judged(signed(claims)) == "Invalid JWT"


@pytest.mark.parametrize(
    "claims", [b"{}", b'{"ad":false}', b'{"ad":null}', b'{"w":""}', b'{"sub":"admin","role":"admin"}']
)
def test_a_signed_token_without_our_claims_is_refused(claims: bytes) -> None:
    assert judged(signed(claims)) == Principal()


def test_an_oversized_token_is_not_parsed() -> None:
    filler = b'"x":"' + b"x" * KEY_CHARACTERS + b'"'
    assert judged(signed(b'{"ad":true,' + filler + b"}")) == "Invalid JWT"


def test_a_valid_key_in_a_long_header_is_not_cached() -> None:
    keys = Keyring(SECRET)
    assert keys.principal("Bearer" + " " * KEY_CHARACTERS + signed(ADMIN_CLAIMS), NOW) == ADMIN
    assert not keys._verified


# Over HTTP.


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    with application(tmp_path_factory.mktemp("tokens") / "omoide.db", auth=True, jwt_secret=SECRET) as made:
        yield made


def good() -> str:
    return Keyring(SECRET).mint(ADMIN, now=clock.now())


def test_two_keys_in_one_request_are_refused(app: Application) -> None:
    bearer = f"Bearer {good()}"
    for second in (bearer, "Bearer x", "Basic eA==", ""):
        for pair in ((bearer, second), (second, bearer)):
            headers = [("Authorization", value) for value in pair]
            assert app.ask("POST", LISTED, headers).status_code == 401
    assert app.ask("POST", LISTED, {"Authorization": bearer}).status_code == 200


@pytest.mark.parametrize("scheme", ["Basic", "Digest", "Token", "JWT", "ApiKey", "Bearer:", "Bearer,"])
def test_another_scheme_is_refused(scheme: str, app: Application) -> None:
    assert app.ask("POST", LISTED, {"Authorization": f"{scheme} {good()}"}).status_code == 401


def test_a_key_outside_the_authorization_header_is_ignored(app: Application) -> None:
    token = good()
    for name in ("access_token", "token", "key", "api_key", "authorization", "jwt"):
        assert app.ask("POST", f"{LISTED}?{name}={token}").status_code == 401
        assert app.ask("POST", LISTED, {"Cookie": f"{name}={token}"}).status_code == 401
        assert app.ask("POST", LISTED, json={name: token}).status_code == 401
    for name in ("X-Api-Key", "X-Authorization", "Proxy-Authorization", "X-Forwarded-Authorization"):
        assert app.ask("POST", LISTED, {name: f"Bearer {token}"}).status_code == 401


def test_a_refusal_names_the_scheme_and_discloses_nothing(app: Application) -> None:
    for token in (signed(ADMIN_CLAIMS, secret=b"other"), signed(b'{"ad":true,"exp":1}'), "x"):
        refused = app.ask("POST", LISTED, {"Authorization": f"Bearer {token}"})
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert refused.json()["detail"] in ("Invalid JWT", "JWT expired")


def test_keys_are_invalid_after_the_secret_changes(tmp_path: Path) -> None:
    with application(tmp_path / "omoide.db", auth=True, jwt_secret=hashlib.sha256(b"other").hexdigest()) as other:
        assert other.ask("POST", LISTED, {"Authorization": f"Bearer {good()}"}).status_code == 401
