"""Keys: what is read from them, and when they are refused. Who may call what stands in contract/test_access.py."""

from __future__ import annotations

from typing import Any

import jwt
import pytest

from omoide.core import auth
from omoide.core.auth import ADMIN, CACHED_KEYS, Keyring, Principal
from omoide.core.errors import Unauthorized
from omoide.core.records import ANYTHING, Grant

SECRET = "a secret that is long enough for HS256, and for HS512 as well, which wants 64 bytes"
NOW = 1_800_000_000_000_000
SECOND = 1_000_000
KEYS = Keyring(SECRET)


def header(claims: dict[str, Any], *, secret: str = SECRET, algorithm: str = "HS256") -> str:
    return "Bearer " + jwt.encode(claims, secret, algorithm=algorithm)


def refused(authorization: str | None, now: int = NOW) -> str:
    with pytest.raises(Unauthorized) as refusal:
        Keyring(SECRET).principal(authorization, now)
    return refusal.value.detail


@pytest.mark.parametrize(
    "principal",
    [ADMIN, Principal(workspace="w"), Principal(workspace="w", peer="p"), Principal(workspace="w", session="s")],
)
def test_a_minted_key_stands_for_its_principal(principal: Principal) -> None:
    assert KEYS.principal(f"Bearer {KEYS.mint(principal, now=NOW)}", NOW) == principal


def test_two_keys_minted_in_one_instant_differ() -> None:
    assert KEYS.mint(ADMIN, now=NOW) != KEYS.mint(ADMIN, now=NOW)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_scheme_is_not_case_sensitive(scheme: str) -> None:
    assert KEYS.principal(f"{scheme} {KEYS.mint(ADMIN, now=NOW)}", NOW) == ADMIN


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "token"])
def test_anything_but_a_bearer_token_is_no_token(authorization: str | None) -> None:
    assert refused(authorization) == "No access token provided"


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer nonsense",
        "Bearer a.b.c",
        header({"ad": True}, secret="another secret that is also long enough"),
        header({"ad": True}, algorithm="HS512"),
        "Bearer eyJhbGciOiJub25lIn0.eyJhZCI6dHJ1ZX0.",
        header({"ad": True, "aud": "somebody"}),
        header({"ad": True, "nbf": 4_000_000_000}),
        header({"ad": True, "iat": 4_000_000_000}),
        header({"w": 5}),
        header({"w": ["w"]}),
        header({"ad": True, "exp": "soon"}),
        header({"ad": True, "exp": True}),
        header({"ad": True, "exp": []}),
    ],
    ids=[
        "text",
        "dots",
        "secret",
        "HS512",
        "none",
        "aud",
        "nbf",
        "iat",
        "number",
        "list",
        "exp text",
        "exp bool",
        "exp []",
    ],
)
def test_a_token_that_is_not_ours_is_invalid(authorization: str) -> None:
    assert refused(authorization) == "Invalid JWT"


@pytest.mark.parametrize("claims", [{"p": "p"}, {"s": "s"}, {"w": "", "s": "s"}])
def test_a_peer_or_session_without_workspace_is_no_scope(claims: dict[str, Any]) -> None:
    assert refused(header(claims)) == "Invalid JWT scope: peer/session token missing workspace"


@pytest.mark.parametrize(
    "narrower", [{"w": "w"}, {"w": "w", "p": "p"}, {"w": "w", "s": "s"}, {"w": "w", "p": "p", "s": "s"}]
)
def test_a_narrower_claim_decides_over_an_admins(narrower: dict[str, str]) -> None:
    for claims in ({"ad": True, **narrower}, {**narrower, "ad": True}, {"ad": False, **narrower}):
        principal = Principal(workspace="w", peer=narrower.get("p"), session=narrower.get("s"))
        assert KEYS.principal(header(claims), NOW) == principal


@pytest.mark.parametrize("claims", [{"p": "p"}, {"s": "s"}, {"w": "", "p": "p"}, {"w": None, "s": "s"}])
def test_an_admin_claim_does_not_replace_the_workspace_of_a_peer_or_session(claims: dict[str, Any]) -> None:
    refusal = "Invalid JWT scope: peer/session token missing workspace"
    assert refused(header({"ad": True, **claims})) == refusal


def test_an_admin_key_with_empty_claims_is_an_admin_key() -> None:
    assert KEYS.principal(header({"ad": True, "w": "", "p": "", "s": None}), NOW) == ADMIN


def test_empty_claims_count_as_absent() -> None:
    assert KEYS.principal(header({"w": "w", "p": "", "s": ""}), NOW) == Principal(workspace="w")


@pytest.mark.parametrize(
    "expiry",
    [
        NOW // SECOND + 60,
        NOW / SECOND + 60.5,
        "2027-01-15T08:01:00Z",
        "2027-01-15T08:01:00",
        "2027-01-15T10:01:00+02:00",
    ],
)
def test_expiry_is_read_as_number_and_as_iso_text(expiry: object) -> None:
    keys = Keyring(SECRET)
    authorization = header({"ad": True, "exp": expiry})
    assert keys.principal(authorization, NOW) == ADMIN
    with pytest.raises(Unauthorized, match="JWT expired"):
        keys.principal(authorization, NOW + 61 * SECOND)


def test_a_key_that_was_never_good_is_told_to_have_expired() -> None:
    assert refused(header({"ad": True, "exp": NOW // SECOND - 1})) == "JWT expired"


def test_a_remembered_key_is_refused_once_it_expires() -> None:
    keys = Keyring(SECRET)
    authorization = f"Bearer {keys.mint(ADMIN, now=NOW, expires_at=NOW + SECOND)}"
    assert keys.principal(authorization, NOW) == keys.principal(authorization, NOW + SECOND - 1) == ADMIN
    with pytest.raises(Unauthorized, match="JWT expired"):
        keys.principal(authorization, NOW + SECOND)


def test_no_more_keys_are_remembered_than_the_limit_says() -> None:
    keys = Keyring(SECRET)
    for number in range(CACHED_KEYS + 5):
        keys.principal(header({"w": f"w{number}"}), NOW)
    assert len(keys._verified) <= CACHED_KEYS


P, S = Principal(workspace="w", peer="p"), Principal(workspace="w", session="s")
READ_ONLY = Grant(create=False, change=False)


@pytest.mark.parametrize(
    ("principal", "session", "peers", "grant"),
    [
        (ADMIN, "s", [], ANYTHING),
        (Principal(workspace="w"), "s", [], ANYTHING),
        (S, "s", [], ANYTHING),
        (S, "t", [], None),
        (P, "s", [], READ_ONLY),
        (P, "s", ["q"], READ_ONLY),
        (P, "s", ["p"], Grant(create=True, change=False)),
        (P, "s", ["p", "q"], READ_ONLY),
        (Principal(workspace="w", peer="p", session="s"), "s", [], ANYTHING),
    ],
)
def test_what_a_key_may_do_to_the_session_it_names(
    principal: Principal, session: str, peers: list[str], grant: Grant | None
) -> None:
    if grant is None:
        with pytest.raises(Unauthorized, match="Unauthorized access to resource"):
            auth.session_grant(principal, session, peers)
    else:
        assert auth.session_grant(principal, session, peers) == grant


@pytest.mark.parametrize(
    ("principal", "peer", "grant"),
    [
        (ADMIN, "p", ANYTHING),
        (P, "p", ANYTHING),
        (P, "q", None),
        (S, "p", READ_ONLY),
        (Principal(workspace="w"), "p", ANYTHING),
    ],
)
def test_what_a_key_may_do_to_the_peer_it_names(principal: Principal, peer: str, grant: Grant | None) -> None:
    if grant is None:
        with pytest.raises(Unauthorized):
            auth.peer_grant(principal, peer)
    else:
        assert auth.peer_grant(principal, peer) == grant
