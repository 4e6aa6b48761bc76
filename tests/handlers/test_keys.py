"""Keys created over HTTP: their claims, and what they give access to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import jwt
import pytest

from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring, Principal
from tests.conftest import SECRET
from tests.server_process import Server

Fresh = Callable[[str], str]


@pytest.fixture
def admin(guarded: Server) -> Iterator[httpx.Client]:
    token = Keyring(SECRET).mint(ADMIN, now=clock.now())
    with guarded.client(headers={"Authorization": f"Bearer {token}"}) as client:
        yield client


def minted(admin: httpx.Client, **parameters: str) -> str:
    answer = admin.post("/v3/keys", params=parameters)
    assert answer.status_code == 200, answer.text
    assert answer.json().keys() == {"key"}
    return str(answer.json()["key"])


def claims(key: str) -> dict[str, object]:
    decoded: dict[str, object] = jwt.decode(key, SECRET, algorithms=["HS256"], options={"verify_exp": False})
    return decoded


def test_a_key_has_exactly_the_requested_claims(admin: httpx.Client) -> None:
    assert claims(minted(admin, workspace_id="w")).keys() == {"t", "jti", "w"}
    narrowed = claims(minted(admin, workspace_id="w", peer_id="p", session_id="s", other="ignored"))
    assert {name: narrowed[name] for name in "wps"} == {"w": "w", "p": "p", "s": "s"}


def test_no_two_keys_are_equal(admin: httpx.Client) -> None:
    assert minted(admin, workspace_id="w") != minted(admin, workspace_id="w")


def test_a_key_gives_access_to_its_workspace_only(admin: httpx.Client, guarded: Server, fresh: Fresh) -> None:
    mine, other = fresh("keyed"), fresh("keyed")
    until = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    headers = {"Authorization": f"Bearer {minted(admin, workspace_id=mine, expires_at=until)}"}
    with guarded.client(headers=headers) as client:
        assert client.post("/v3/workspaces", json={"id": mine}).status_code == 201
        assert client.post("/v3/workspaces", json={"id": other}).status_code == 401
        assert client.post("/v3/keys", params={"workspace_id": mine}).status_code == 401


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("2030-01-01T00:00:00Z", 1_893_456_000),
        ("2030-01-01T05:30:00.999+05:30", 1_893_456_000),
        ("2030-01-01T00:00:00", 1_893_456_000),
        ("1893456000", 1_893_456_000),
        ("2099-01-01", 4_070_908_800),
        ("9999-12-31T23:59:59Z", 253_402_300_799),
    ],
)
def test_the_expiry_is_a_number_of_seconds_in_utc(given: str, seconds: int, admin: httpx.Client) -> None:
    assert claims(minted(admin, workspace_id="w", expires_at=given))["exp"] == seconds


@pytest.mark.parametrize(
    "given",
    [
        "2001-01-01",
        "978307200",
        "1969-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "-1",
        "now",
        "the end of this second",
    ],
)
def test_a_key_that_would_have_expired_already_is_refused(given: str, admin: httpx.Client) -> None:
    now = datetime.now(UTC)
    given = {"now": now.isoformat(), "the end of this second": now.replace(microsecond=999_999).isoformat()}.get(
        given, given
    )
    refused = admin.post("/v3/keys", params={"workspace_id": "w", "expires_at": given})
    assert (refused.status_code, refused.json()["detail"]) == (422, "The expiry must be in the future")


@pytest.mark.parametrize("given", ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00"])
def test_an_expiry_out_of_range_in_utc_is_refused(given: str, admin: httpx.Client) -> None:
    refused = admin.post("/v3/keys", params={"workspace_id": "w", "expires_at": given})
    assert (refused.status_code, refused.json()["detail"]) == (422, "The expiry must be in the years 1 to 9999 in UTC")


def test_an_expired_key_is_refused_with_the_reason(guarded: Server) -> None:
    long_ago = Keyring(SECRET).mint(Principal(workspace="w"), now=clock.now(), expires_at=1_000_000)
    headers = {"Authorization": f"Bearer {long_ago}"}
    with guarded.client(headers=headers) as client:
        refused = client.post("/v3/workspaces", json={"id": "w"})
    assert (refused.status_code, refused.json()["detail"]) == (401, "JWT expired")


@pytest.mark.parametrize("parameters", [{}, {"expires_at": "2030-01-01"}])
def test_a_key_requires_a_claim(parameters: dict[str, str], admin: httpx.Client) -> None:
    refused = admin.post("/v3/keys", params=parameters)
    assert refused.status_code == 422
    assert refused.json()["detail"] == "At least one of workspace_id, peer_id, or session_id must be provided"


@pytest.mark.parametrize("narrow", ["peer_id", "session_id"])
def test_a_peer_or_session_needs_its_workspace(narrow: str, admin: httpx.Client) -> None:
    refused = admin.post("/v3/keys", params={narrow: "x"})
    assert refused.status_code == 422
    assert refused.json()["detail"] == "workspace_id is required when scoping a key to a peer or session"


@pytest.mark.parametrize("name", ["workspace_id", "peer_id", "session_id", "expires_at"])
@pytest.mark.parametrize("value", ["", "no such thing!", "x" * 513])
def test_invalid_names_are_refused(name: str, value: str, admin: httpx.Client) -> None:
    refused = admin.post("/v3/keys", params={"workspace_id": "w", name: value})
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["loc"] == ["query", name]


def test_without_authentication_there_are_no_keys(http: httpx.Client) -> None:
    refused = http.post("/v3/keys", params={"workspace_id": "w"})
    assert (refused.status_code, refused.json()["detail"]) == (405, "Feature is disabled")
