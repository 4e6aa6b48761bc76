"""Metadata and configuration of workspaces, peers and sessions: the common rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from honcho import Honcho, Peer, Session
from honcho.api_types import PeerConfig, SessionConfiguration, WorkspaceConfiguration

from tests.sdk.conftest import Connect
from tests.sdk.styles import Style
from tests.server_process import Server

View = Callable[[Honcho], Any]
"""A client → the owner of metadata and configuration, as that client sees it. Calls nothing."""

VIEWS: dict[str, View] = {
    "workspace": lambda honcho: honcho,
    "peer": lambda honcho: Peer("alice", honcho),
    "session": lambda honcho: Session("first", honcho),
}
MERGING = {"workspace": WorkspaceConfiguration, "session": SessionConfiguration}
METADATA = {
    "text": '思い出 🐕 "quoted"\n',
    "numbers": [0, -1, 2.5, 9007199254740993, 1e-7],
    "flags": {"yes": True, "no": False, "unknown": None},
    "nested": {"list": [{"deep": []}], "object": {}},
}
EVERY_FIELD = {
    "custom_instructions": "Be brief.",
    "reasoning": {"enabled": True, "custom_instructions": "Only what was said."},
    "peer_card": {"use": True, "create": False, "custom_instructions": "Names first."},
    "summary": {
        "enabled": True,
        "messages_per_short_summary": 15,
        "messages_per_long_summary": 45,
        "custom_instructions": "Three sentences.",
    },
    "dream": {"enabled": False, "custom_instructions": "Look for habits."},
    "dialectic": {"custom_instructions": "Answer in English."},
}


@pytest.fixture(params=VIEWS)
def view(request: pytest.FixtureRequest) -> View:
    return VIEWS[request.param]


def fields(configuration: Any) -> Mapping[str, Any]:
    """The fields that a configuration sets. After `refresh` the SDK has a workspace's as a plain object."""
    return configuration if isinstance(configuration, Mapping) else configuration.model_dump(exclude_none=True)


def some_configuration(owner: object) -> Any:
    if isinstance(owner, Peer):
        return PeerConfig(observe_me=False)
    kind = SessionConfiguration if isinstance(owner, Session) else WorkspaceConfiguration
    return kind.model_validate({"reasoning": {"enabled": False}})


def test_metadata_and_configuration_start_empty(honcho: Honcho, view: View, call: Style) -> None:
    owner = view(honcho)
    assert call(owner.get_metadata) == {}
    assert fields(call(owner.get_configuration)) == {}


def test_metadata_is_returned_as_given(honcho: Honcho, view: View, call: Style) -> None:
    owner = view(honcho)
    call(owner.set_metadata, METADATA)
    assert call(owner.get_metadata) == METADATA


def test_metadata_is_replaced_completely(honcho: Honcho, view: View, call: Style) -> None:
    owner = view(honcho)
    for metadata in ({"team": "research", "tier": 1}, {"tier": 2}, {}):
        call(owner.set_metadata, metadata)
        assert call(owner.get_metadata) == metadata


def test_an_update_may_be_a_clients_first_request(
    honcho: Honcho, server: Server, connect: Connect, view: View, call: Style
) -> None:
    call(view(honcho).set_metadata, {"first": True})
    other = view(connect(server, honcho.workspace_id))
    call(other.set_configuration, some_configuration(other))
    assert call(view(honcho).get_metadata) == {"first": True}
    assert fields(call(view(honcho).get_configuration)) == fields(some_configuration(other))


def test_metadata_and_configuration_are_independent(honcho: Honcho, view: View, call: Style) -> None:
    owner = view(honcho)
    configuration = some_configuration(owner)
    call(owner.set_metadata, {"tier": 1})
    call(owner.set_configuration, configuration)
    assert call(owner.get_metadata) == {"tier": 1}
    call(owner.set_metadata, {})
    assert fields(call(owner.get_configuration)) == fields(configuration)


def test_refresh_loads_changes_of_another_client(
    honcho: Honcho, server: Server, connect: Connect, view: View, call: Style
) -> None:
    mine, theirs = view(honcho), view(connect(server, honcho.workspace_id))
    call(mine.refresh)
    assert mine.metadata == {}
    call(theirs.set_metadata, {"tier": 2})
    call(theirs.set_configuration, some_configuration(theirs))
    call(mine.refresh)
    assert mine.metadata == {"tier": 2}
    assert fields(mine.configuration) == fields(some_configuration(theirs))


def test_a_uid_is_assigned_by_the_server_and_constant(
    honcho: Honcho, server: Server, connect: Connect, view: View, call: Style
) -> None:
    mine, theirs = view(honcho), view(connect(server, honcho.workspace_id))
    call(mine.refresh)
    call(theirs.set_metadata, {"tier": 2})
    call(theirs.refresh)
    assert len(mine.uid) == 21
    assert mine.uid == theirs.uid


def test_every_configuration_field_of_the_sdk_is_returned(honcho: Honcho, call: Style) -> None:
    for kind, configuration in MERGING.items():
        owner = VIEWS[kind](honcho)
        call(owner.set_configuration, configuration.model_validate(EVERY_FIELD))
        assert fields(call(owner.get_configuration)) == EVERY_FIELD


@pytest.mark.parametrize("kind", MERGING)
def test_a_configuration_is_merged_field_by_field(honcho: Honcho, kind: str, call: Style) -> None:
    owner = VIEWS[kind](honcho)
    for patch in (
        {"summary": {"enabled": False}},
        {"reasoning": {"enabled": False}},
        {"summary": {"messages_per_short_summary": 15}},
    ):
        call(owner.set_configuration, MERGING[kind].model_validate(patch))
    assert fields(call(owner.get_configuration)) == {
        "summary": {"enabled": False, "messages_per_short_summary": 15},
        "reasoning": {"enabled": False},
    }


def test_a_peers_configuration_is_replaced(honcho: Honcho, call: Style) -> None:
    alice = Peer("alice", honcho)
    for configuration in (PeerConfig(observe_me=False), PeerConfig(), PeerConfig(observe_me=True)):
        call(alice.set_configuration, configuration)
        assert call(alice.get_configuration) == configuration


def test_unknown_keys_do_not_break_the_sdk(honcho: Honcho, server: Server, call: Style) -> None:
    unknown = {"plugin": {"colour": "red"}, "summary": {"enabled": False, "colour": "red"}}
    path = f"/v3/workspaces/{honcho.workspace_id}"
    with server.client() as http:
        http.put(path, json={"configuration": unknown}).raise_for_status()
        assert fields(call(honcho.get_configuration)) == {"summary": {"enabled": False}}
        call(honcho.set_configuration, WorkspaceConfiguration.model_validate({"dream": {"enabled": False}}))
        kept = http.put(path, json={}).json()["configuration"]
    assert kept["plugin"] == unknown["plugin"]
    assert kept["dream"] == {"enabled": False}
