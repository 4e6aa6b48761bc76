"""The access matrix: one row per operation, one column per kind of key. ✔ allowed, · 401."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from omoide.core import clock
from omoide.core.auth import Keyring, Principal
from tests.conftest import SECRET
from tests.contract.conformance import OPERATIONS
from tests.contract.requests import body_of, path_of, query_of
from tests.server_process import Server

# The path is workspace w, session s, peer p. "other" keys are of a second workspace, peer q, session t.
# p and q are in s; r never was; `left` has left; `back` has left and returned.
KEYS = {
    "admin": Principal(admin=True),
    "w": Principal(workspace="w"),
    "w/p": Principal(workspace="w", peer="p"),
    "w/q": Principal(workspace="w", peer="q"),
    "w/r": Principal(workspace="w", peer="r"),
    "w/left": Principal(workspace="w", peer="left"),
    "w/back": Principal(workspace="w", peer="back"),
    "w:s": Principal(workspace="w", session="s"),
    "w:t": Principal(workspace="w", session="t"),
    "w/p:t": Principal(workspace="w", peer="p", session="t"),
    "x": Principal(workspace="x"),
    "x/p": Principal(workspace="x", peer="p"),
    "x:s": Principal(workspace="x", session="s"),
    "empty": Principal(),
    "none": None,
}

TABLE = """
                              admin w w/p w/q w/r w/left w/back w:s w:t w/p:t x x/p x:s empty none
health_check                    ✔   ✔  ✔   ✔   ✔    ✔      ✔    ✔   ✔    ✔   ✔  ✔   ✔    ✔    ✔
readiness_check                 ✔   ✔  ✔   ✔   ✔    ✔      ✔    ✔   ✔    ✔   ✔  ✔   ✔    ✔    ✔
get_metrics                     ✔   ·  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_deriver_metrics             ✔   ·  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_server                      ✔   ✔  ✔   ✔   ✔    ✔      ✔    ✔   ✔    ✔   ✔  ✔   ✔    ✔    ✔
get_settings                    ✔   ·  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_or_create_workspace         ✔   ✔  ✔   ✔   ✔    ✔      ✔    ✔   ✔    ✔   ·  ·   ·    ·    ·
get_all_workspaces              ✔   ·  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_workspace                   ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
update_workspace                ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_or_create_peer              ✔   ✔  ✔   ·   ·    ·      ·    ✔   ✔    ✔   ·  ·   ·    ·    ·
get_peers                       ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_peer                        ✔   ✔  ✔   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
update_peer                     ✔   ✔  ✔   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
delete_peer                     ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_sessions_for_peer           ✔   ✔  ✔   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_or_create_session           ✔   ✔  ✔   ✔   ·    ·      ✔    ✔   ·    ·   ·  ·   ·    ·    ·
get_sessions                    ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_session                     ✔   ✔  ✔   ✔   ·    ·      ✔    ✔   ·    ·   ·  ·   ·    ·    ·
update_session                  ✔   ✔  ·   ·   ·    ·      ·    ✔   ·    ·   ·  ·   ·    ·    ·
clone_session                   ✔   ✔  ·   ·   ·    ·      ·    ✔   ·    ·   ·  ·   ·    ·    ·
add_peers_to_session            ✔   ✔  ·   ·   ·    ·      ·    ✔   ·    ·   ·  ·   ·    ·    ·
get_peer_history                ✔   ✔  ✔   ·   ·    ·      ·    ✔   ·    ·   ·  ·   ·    ·    ·
set_session_peers               ✔   ✔  ·   ·   ·    ·      ·    ✔   ·    ·   ·  ·   ·    ·    ·
remove_peers_from_session       ✔   ✔  ·   ·   ·    ·      ·    ✔   ·    ·   ·  ·   ·    ·    ·
get_session_peers               ✔   ✔  ✔   ✔   ·    ·      ✔    ✔   ·    ·   ·  ·   ·    ·    ·
get_peer_config                 ✔   ✔  ✔   ·   ·    ·      ·    ✔   ·    ·   ·  ·   ·    ·    ·
set_peer_config                 ✔   ✔  ·   ·   ·    ·      ·    ✔   ·    ·   ·  ·   ·    ·    ·
create_messages_for_session     ✔   ✔  ·   ·   ·    ·      ·    ✔   ·    ·   ·  ·   ·    ·    ·
get_messages                    ✔   ✔  ✔   ✔   ·    ·      ✔    ✔   ·    ·   ·  ·   ·    ·    ·
get_message                     ✔   ✔  ✔   ✔   ·    ·      ✔    ✔   ·    ·   ·  ·   ·    ·    ·
update_message                  ✔   ✔  ·   ·   ·    ·      ·    ✔   ·    ·   ·  ·   ·    ·    ·
get_message_conclusions         ✔   ✔  ✔   ✔   ·    ·      ✔    ✔   ·    ·   ·  ·   ·    ·    ·
delete_message                  ✔   ✔  ·   ·   ·    ·      ·    ✔   ·    ·   ·  ·   ·    ·    ·
search_workspace                ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
search_memory                   ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
recall                          ✔   ✔  ✔   ✔   ·    ·      ✔    ✔   ·    ·   ·  ·   ·    ·    ·
remember                        ✔   ✔  ·   ·   ·    ·      ·    ✔   ·    ·   ·  ·   ·    ·    ·
get_context                     ✔   ✔  ✔   ✔   ·    ·      ✔    ✔   ·    ·   ·  ·   ·    ·    ·
search_peer                     ✔   ✔  ✔   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
search_session                  ✔   ✔  ✔   ✔   ·    ·      ✔    ✔   ·    ·   ·  ·   ·    ·    ·
chat_workspace                  ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
schedule_dream                  ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
chat                            ✔   ✔  ✔   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_representation              ✔   ✔  ✔   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_peer_card                   ✔   ✔  ✔   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
set_peer_card                   ✔   ✔  ✔   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_peer_context                ✔   ✔  ✔   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_timeline                    ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
merge_peer                      ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_session_context             ✔   ✔  ✔   ✔   ·    ·      ✔    ✔   ·    ·   ·  ·   ·    ·    ·
get_session_overview            ✔   ✔  ·   ·   ·    ·      ·    ✔   ·    ·   ·  ·   ·    ·    ·
get_session_summaries           ✔   ✔  ✔   ✔   ·    ·      ✔    ✔   ·    ·   ·  ·   ·    ·    ·
get_or_create_scope             ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_scopes                      ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_scope                       ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
add_sessions_to_scope           ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_scope_sessions              ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
remove_session_from_scope       ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_scope_status                ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
create_conclusions              ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
list_conclusions                ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
query_conclusions               ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_conclusion                  ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
correct_conclusion              ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_conclusion_history          ✔   ✔  ✔   ✔   ✔    ✔      ✔    ✔   ✔    ✔   ·  ·   ·    ·    ·
get_conclusion_sources          ✔   ✔  ✔   ✔   ✔    ✔      ✔    ✔   ✔    ✔   ·  ·   ·    ·    ·
get_conclusion_consequences     ✔   ✔  ✔   ✔   ✔    ✔      ✔    ✔   ✔    ✔   ·  ·   ·    ·    ·
delete_conclusion               ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
create_messages_with_file       ✔   ✔  ·   ·   ·    ·      ·    ✔   ·    ·   ·  ·   ·    ·    ·
get_queue_status                ✔   ✔  ·   ·   ·    ·      ·    ✔   ·    ·   ·  ·   ·    ·    ·
list_jobs                       ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
retry_jobs                      ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
flush_queue                     ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_usage                       ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_overview                    ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
export_workspace                ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_observers                   ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
create_key                      ✔   ·  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
list_webhook_endpoints          ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
get_or_create_webhook_endpoint  ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
test_emit                       ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
delete_webhook_endpoint         ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
delete_workspace                ✔   ✔  ·   ·   ·    ·      ·    ·   ·    ·   ·  ·   ·    ·    ·
delete_session                  ✔   ✔  ·   ·   ·    ·      ·    ✔   ·    ·   ·  ·   ·    ·    ·
"""

IDS = {"workspace_id": "w", "session_id": "s", "peer_id": "p"}
"""Ids in paths. Other ids do not exist: a call that passes authorization gets 404."""

_header, *_lines = [line.split() for line in TABLE.strip().splitlines()]
ROWS = {line[0]: dict(zip(_header, line[1:], strict=True)) for line in _lines}


def header(key: Principal | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {Keyring(SECRET).mint(key, now=clock.now())}"}


def put_session(client: httpx.Client, workspace: str, session: str) -> None:
    path, admin = f"/v3/workspaces/{workspace}/sessions", header(KEYS["admin"])
    client.post(path, json={"id": session}, headers=admin).raise_for_status()
    if session == "s":
        for method, body in (
            ("POST", {"p": {}, "q": {}, "left": {}, "back": {}}),
            ("DELETE", ["left", "back"]),
            ("POST", {"back": {}}),
        ):
            client.request(method, f"{path}/{session}/peers", json=body, headers=admin).raise_for_status()


@pytest.fixture(scope="module")
def api(guarded: Server) -> Iterator[httpx.Client]:
    """A client of a server with the workspaces w and x."""
    with guarded.client() as client:
        for workspace in ("w", "x"):
            for session in ("s", "t"):
                put_session(client, workspace, session)
            client.put(f"/v3/workspaces/{workspace}/peers/r", json={}, headers=header(KEYS["admin"]))
        yield client


@pytest.fixture(scope="module")
def message(api: httpx.Client) -> str:
    body = {"messages": [{"peer_id": "p", "content": "Hello"}, {"peer_id": "q", "content": "Hi"}]}
    made = api.post("/v3/workspaces/w/sessions/s/messages", json=body, headers=header(KEYS["admin"]))
    return str(made.json()[0]["id"])


@pytest.mark.parametrize("name", ROWS)
def test_keys_are_allowed_as_in_the_matrix(name: str, api: httpx.Client, message: str) -> None:
    for key, mark in ROWS[name].items():
        assert is_allowed(name, KEYS[key], api, message) == (mark == "✔"), key


def is_allowed(name: str, key: Principal | None, api: httpx.Client, message: str) -> bool:
    operation = OPERATIONS[name]
    # The keys of the other rows are limited to peers that must stay.
    others = {"peer_id": "gone"} if name in ("delete_peer", "merge_peer") else {}
    path = path_of(operation, {**IDS, "message_id": message, **others})
    options: dict[str, Any] = {"params": query_of(operation), "headers": header(key), **body_of(operation)}
    response = api.request(operation.method, path, **options)
    # 404: no such id; 409: the workspace still has sessions. Only permitted callers get these.
    assert response.status_code < 300 or response.status_code in (401, 404, 409), response.text
    if name == "delete_session":
        put_session(api, "w", "s")
    return response.status_code != 401


def test_every_operation_has_a_row() -> None:
    missing, unknown = OPERATIONS.keys() - ROWS.keys(), ROWS.keys() - OPERATIONS.keys()
    assert not missing, f"run `make regenerate`, which adds rows to TABLE, and check the rows of {missing}"
    assert not unknown, f"openapi.yaml has no such operations: remove the rows of {unknown} from TABLE"
