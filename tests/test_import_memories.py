"""`omoide import --from` of other memories: their statements become conclusions, once, dated and found at once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from omoide.cli.main import main
from tests.server_process import Server

Invoke = Callable[..., Result]

MEM0 = [
    {"id": "1", "memory": "Lives in Graz", "user_id": "ana", "agent_id": "chef", "created_at": "2023-07-26T08:00:00Z"}
    | {"metadata": {"topic": "home"}, "categories": ["places"], "hash": "x", "updated_at": None},
    {"id": "2", "memory": "User moved to Linz", "user_id": "ana", "run_id": "r1", "created_at": "2025-01-02T08:00:00Z"},
    {
        "id": "3",
        "memory": "Replies in rhymes",
        "user_id": None,
        "agent_id": "chef",
        "created_at": "2025-01-02T08:00:00Z",
    },
    {"id": "4", "memory": " ", "user_id": "ana"},
]
GRAPH = """\
{"type":"entity","name":"default_user","entityType":"person","observations":["Prefers tea over coffee"]}
{"type":"entity","name":"John_Smith","entityType":"person","observations":["Speaks fluent Spanish"]}
{"type":"entity","name":"Siemens","entityType":"organization","observations":["Builds trains"]}
{"type":"relation","from":"John_Smith","to":"Siemens","relationType":"works_at"}
{"type":"relation","from":"default_user","to":"John_Smith","relationType":"knows"}
"""


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMOIDE_EMBEDDER", "wordllama")

    def run(kind: str, text: str, *more: str) -> Result:
        path = tmp_path / f"{kind}.json"
        path.write_text(text, "utf-8")
        os.utime(path, (1_700_000_000, 1_700_000_000))
        return CliRunner().invoke(main, ["import", str(path), "--from", kind, "--workspace", "w", "--me", "ana", *more])

    return run


def conclusions(**filters: Any) -> list[dict[str, Any]]:
    server = Server(Path("omoide.db").absolute(), worker="none")
    try:
        with server.client() as client:
            found = client.post("/v3/workspaces/w/conclusions/list?reverse=true", json={"filters": filters or None})
            return list(found.raise_for_status().json()["items"])
    finally:
        server.stop()


def test_memories_of_mem0_become_dated_conclusions_that_supersede_each_other(invoke: Invoke) -> None:
    found = invoke("mem0", json.dumps({"results": MEM0}))
    assert "ana: 2 conclusions\nchef: 1 conclusion\nFrom 2023-07-26 to 2025-01-02." in found.output, found.output
    assert "Imported 3 conclusions into w" in found.output
    stored = conclusions(status={"in": ["current", "superseded"]})
    shown = [(each["observed_id"], each["content"], each["said_at"][:10], each["status"]) for each in stored]
    assert shown == [
        ("ana", "ana lives in Graz", "2023-07-26", "superseded"),
        ("ana", "ana moved to Linz", "2025-01-02", "current"),
        ("chef", "Replies in rhymes", "2025-01-02", "current"),
    ]
    assert [each["session_id"] for each in stored] == [None, "mem0-r1", None]
    assert {each["observer_id"] for each in stored} == {"ana", "chef"}


def test_a_graph_of_mcp_becomes_conclusions_about_its_persons_and_its_owner(invoke: Invoke) -> None:
    assert "Would import 5 conclusions into w." in invoke("mcp-memory", GRAPH, "--dry-run").output
    assert not Path("omoide.db").exists()
    assert "Imported 5 conclusions" in invoke("mcp-memory", GRAPH).output
    again = invoke("mcp-memory", GRAPH + '{"type":"relation","from":"Siemens","to":"Graz","relationType":"is_in"}\n')
    assert "Imported 1 conclusion into w" in again.output
    assert "5 conclusions were already there" in again.output
    stored = conclusions()
    assert [(each["observed_id"], each["content"]) for each in stored] == [
        ("ana", "ana prefers tea over coffee"),
        ("john-smith", "john-smith speaks fluent Spanish"),
        ("ana", "Siemens (organization): Builds trains"),
        ("john-smith", "john-smith works at Siemens"),
        ("ana", "ana knows John Smith"),
        ("ana", "Siemens is in Graz"),
    ]
    assert {each["said_at"][:10] for each in stored} == {"2023-11-14"}


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("mem0", "{", "damaged"),
        ("mem0", '[{"model": "X1", "memory": "16 GB"}]', "no such statement"),
        ("mcp-memory", '[{"role": "user", "content": "hi"}]', "no such statement"),
    ],
)
def test_what_is_no_such_memory_is_one_clear_line(kind: str, text: str, reason: str, invoke: Invoke) -> None:
    found = invoke(kind, text)
    assert found.exit_code == 1
    assert found.output.startswith("Error: ")
    assert reason in found.output
    assert not Path("omoide.db").exists()
