"""Keys in the SDK: each may make the client's first request, and gives access according to its claims."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from honcho import AuthenticationError, Honcho, Peer, Session

from omoide.core import clock
from omoide.core.auth import Keyring, Principal
from tests.conftest import SECRET
from tests.sdk.conftest import Connect
from tests.sdk.styles import Style
from tests.server_process import COMMAND, Server

HOUSE = "house-of-keys"
"""A workspace with the session `first` of alice and bob, and the session `second` of bob."""

CLAIMS: dict[str, dict[str, Any]] = {
    "admin": {"admin": True},
    "workspace": {"workspace": HOUSE},
    "peer": {"workspace": HOUSE, "peer": "alice"},
    "session": {"workspace": HOUSE, "session": "first"},
}

Deed = Callable[[Style, Honcho, str], Any]
"""An action with a client; the string is an unused id."""

ADMIN = {"admin"}
WIDE = {"admin", "workspace"}
WIDE_OR_PEER = WIDE | {"peer"}
WIDE_OR_SESSION = WIDE | {"session"}
ALL = set(CLAIMS)

DEEDS: dict[str, tuple[set[str], Deed]] = {
    "list the workspaces": (ADMIN, lambda call, h, new: call(h.workspaces)),
    "read the workspace": (ALL, lambda call, h, new: call(h.get_metadata)),
    "change the workspace": (WIDE, lambda call, h, new: call(h.set_metadata, {"by": new})),
    "list the peers": (WIDE, lambda call, h, new: call(h.peers)),
    "create a peer": (WIDE, lambda call, h, new: call(h.peer, new)),
    "get alice": (ALL, lambda call, h, new: call(h.peer, "alice")),
    "get bob": (WIDE_OR_SESSION, lambda call, h, new: call(h.peer, "bob")),
    "change alice": (WIDE_OR_PEER, lambda call, h, new: call(Peer("alice", h).set_metadata, {"by": new})),
    "change bob": (WIDE, lambda call, h, new: call(Peer("bob", h).set_metadata, {"by": new})),
    "change alice by getting her": (WIDE_OR_PEER, lambda call, h, new: call(h.peer, "alice", metadata={"by": new})),
    "list the sessions": (WIDE, lambda call, h, new: call(h.sessions)),
    "list the sessions of alice": (WIDE_OR_PEER, lambda call, h, new: call(Peer("alice", h).sessions)),
    "list the sessions of bob": (WIDE, lambda call, h, new: call(Peer("bob", h).sessions)),
    "create a session with alice": (WIDE_OR_PEER, lambda call, h, new: call(h.session, new, peers=["alice"])),
    "create a session with alice and bob": (WIDE, lambda call, h, new: call(h.session, new, peers=["alice", "bob"])),
    "create a session without her": (WIDE, lambda call, h, new: call(h.session, new)),
    "get first with its members": (
        ALL,
        lambda call, h, new: call(h.session, "first", peers=["alice", "bob"]),
    ),
    "get first": (ALL, lambda call, h, new: call(h.session, "first")),
    "get second": (WIDE, lambda call, h, new: call(h.session, "second")),
    "change first": (WIDE_OR_SESSION, lambda call, h, new: call(Session("first", h).set_metadata, {"by": new})),
    "change second": (WIDE, lambda call, h, new: call(Session("second", h).set_metadata, {"by": new})),
    "change first by getting it": (
        WIDE_OR_SESSION,
        lambda call, h, new: call(h.session, "first", metadata={"by": new}),
    ),
    "join second by getting it": (WIDE, lambda call, h, new: call(h.session, "second", peers=[new])),
    "see who is in first": (ALL, lambda call, h, new: call(Session("first", h).peers)),
    "see who is in second": (WIDE, lambda call, h, new: call(Session("second", h).peers)),
    "add a peer to first": (WIDE_OR_SESSION, lambda call, h, new: call(Session("first", h).add_peers, new)),
    "see how alice observes": (ALL, lambda call, h, new: call(Session("first", h).get_peer_configuration, "alice")),
    "see how bob observes": (
        WIDE_OR_SESSION,
        lambda call, h, new: call(Session("first", h).get_peer_configuration, "bob"),
    ),
    "read first": (ALL, lambda call, h, new: call(Session("first", h).messages)),
    "read second": (WIDE, lambda call, h, new: call(Session("second", h).messages)),
    "write in first": (
        WIDE_OR_SESSION,
        lambda call, h, new: call(Session("first", h).add_messages, Peer("alice", h).message(new)),
    ),
    "write in second": (
        WIDE,
        lambda call, h, new: call(Session("second", h).add_messages, Peer("bob", h).message(new)),
    ),
    "clone first": (WIDE_OR_SESSION, lambda call, h, new: call(Session("first", h).clone)),
    "clone second": (WIDE, lambda call, h, new: call(Session("second", h).clone)),
}


def minted(*, expires_at: int | None = None, **claims: Any) -> str:
    return Keyring(SECRET).mint(Principal(**claims), now=clock.now(), expires_at=expires_at)


@pytest.fixture(scope="module")
def house(guarded: Server) -> Server:
    """A server with authentication and the workspace HOUSE."""
    with guarded.client(headers={"Authorization": f"Bearer {minted(admin=True)}"}) as http:
        sessions = f"/v3/workspaces/{HOUSE}/sessions"
        http.post(sessions, json={"id": "first", "peers": {"alice": {}, "bob": {}}}).raise_for_status()
        http.post(sessions, json={"id": "second", "peers": {"bob": {}}}).raise_for_status()
    return guarded


@pytest.fixture(scope="module")
def printed_key() -> str:
    """alice's key, printed by the command line."""
    command = [str(COMMAND), "key", "create", "--workspace", HOUSE, "--peer", "alice", "--days", "1"]
    environment = os.environ | {"OMOIDE_JWT_SECRET": SECRET}
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout.strip()


def permitted(deed: Deed, call: Style, honcho: Honcho, new: str) -> bool:
    try:
        deed(call, honcho, new)
    except AuthenticationError:
        return False
    return True


@pytest.mark.parametrize("kind", CLAIMS)
def test_a_key_gives_access_according_to_its_claims_only(
    house: Server, connect: Connect, fresh: Callable[[str], str], kind: str, call: Style
) -> None:
    honcho = connect(house, HOUSE, api_key=minted(**CLAIMS[kind]))
    opened = {name: permitted(deed, call, honcho, fresh("new")) for name, (_, deed) in DEEDS.items()}
    assert opened == {name: kind in allowed for name, (allowed, _) in DEEDS.items()}


@pytest.mark.parametrize("narrowed", [{}, {"peer": "alice"}, {"session": "first"}], ids=["not", "peer", "session"])
def test_every_key_of_a_workspace_creates_it_with_the_first_request(
    guarded: Server, connect: Connect, fresh: Callable[[str], str], narrowed: dict[str, Any], call: Style
) -> None:
    workspace = fresh("workspace")
    honcho = connect(guarded, workspace, api_key=minted(workspace=workspace, **narrowed))
    call(honcho.refresh)
    assert len(honcho.uid) == 21


@pytest.mark.parametrize("kind", ["workspace", "peer", "session"])
def test_a_key_gives_no_access_to_other_workspaces(
    house: Server, connect: Connect, fresh: Callable[[str], str], kind: str, call: Style
) -> None:
    elsewhere = connect(house, fresh("workspace"), api_key=minted(**CLAIMS[kind]))
    opened = {name for name, (_, deed) in DEEDS.items() if permitted(deed, call, elsewhere, fresh("new"))}
    assert opened == set()


def test_a_peer_key_reads_a_session_while_the_peer_is_in_it(
    house: Server, connect: Connect, fresh: Callable[[str], str], call: Style
) -> None:
    admin = connect(house, HOUSE, api_key=minted(admin=True))
    session = call(admin.session, fresh("session"), peers=["alice", "bob"])
    mine = Session(session.id, connect(house, HOUSE, api_key=minted(**CLAIMS["peer"])))
    assert call(mine.messages).items == []
    call(session.remove_peers, "alice")
    with pytest.raises(AuthenticationError):
        call(mine.messages)


def test_a_peer_key_creates_a_session_and_reads_it_until_the_peer_leaves(
    house: Server, connect: Connect, fresh: Callable[[str], str], call: Style
) -> None:
    admin, mine = (connect(house, HOUSE, api_key=minted(**CLAIMS[kind])) for kind in ("admin", "peer"))
    id = fresh("session")
    for _ in range(2):
        session = call(mine.session, id, peers=["alice"], metadata={"topic": "tea"})
        assert session.metadata == {"topic": "tea"}
    assert call(mine.session, id).metadata == {"topic": "tea"}
    call(Session(id, admin).remove_peers, "alice")
    for given in ({}, {"peers": ["alice"]}, {"peers": ["alice"], "metadata": {"topic": "tea"}}):
        with pytest.raises(AuthenticationError):
            call(mine.session, id, **given)


def test_a_session_key_reads_only_the_metadata_of_its_members(
    house: Server, connect: Connect, fresh: Callable[[str], str], call: Style
) -> None:
    admin, narrow = (connect(house, HOUSE, api_key=minted(**CLAIMS[kind])) for kind in ("admin", "session"))
    member, other = (fresh("peer") for _ in range(2))
    for id in (member, other):
        call(admin.peer, id, metadata={"phone": "12"})
    call(Session("first", admin).add_peers, member)
    assert call(narrow.peer, member).metadata == {"phone": "12"}
    assert call(narrow.peer, other).metadata == {}
    for metadata in ({}, {"phone": "12"}, {"phone": "13"}):
        with pytest.raises(AuthenticationError):
            call(narrow.peer, other, metadata=metadata)
    call(Session("first", admin).remove_peers, member)
    assert call(narrow.peer, member).metadata == {}


def test_a_session_key_deletes_its_session(
    guarded: Server, connect: Connect, fresh: Callable[[str], str], call: Style
) -> None:
    workspace = fresh("workspace")
    session = call(connect(guarded, workspace, api_key=minted(workspace=workspace, session="first")).session, "first")
    call(session.delete)
    assert call(connect(guarded, workspace, api_key=minted(workspace=workspace)).sessions).items == []


def test_a_key_that_the_command_line_printed_works(
    house: Server, connect: Connect, printed_key: str, call: Style
) -> None:
    honcho = connect(house, HOUSE, api_key=printed_key)
    assert call(honcho.peer, "alice").id == "alice"
    with pytest.raises(AuthenticationError):
        call(honcho.peer, "bob")


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (lambda: "not a key", "Invalid JWT"),
        (lambda: Keyring("some other secret, long enough too").mint(Principal(True), now=clock.now()), "Invalid JWT"),
        (lambda: minted(admin=True, expires_at=clock.now() - 1_000_000), "JWT expired"),
        (lambda: minted(), "Unauthorized access to resource"),
        (lambda: minted(peer="alice"), "peer/session token missing workspace"),
    ],
    ids=["no key at all", "another secret's", "expired", "without claims", "a peer of no workspace"],
)
def test_an_invalid_key_is_refused_with_the_reason(
    house: Server, connect: Connect, key: Callable[[], str], reason: str, call: Style
) -> None:
    with pytest.raises(AuthenticationError, match=reason):
        call(connect(house, HOUSE, api_key=key()).peers)
