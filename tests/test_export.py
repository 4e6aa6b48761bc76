"""A workspace that went out of one database and into another: the same answers, the same lines, the same work owed."""

from __future__ import annotations

import asyncio
import gzip
import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from omoide.cli.main import main
from omoide.core import clock
from omoide.storage import embeddings, job_stats
from omoide.storage.sqlite.engine import Store
from tests.handlers.workspace import WorkspaceClient, until
from tests.read_now import read_now
from tests.server_process import Server
from tests.worker.worker_fixture import Home

Invoke = Callable[..., Result]
LONG_AGO = "2021-03-04T05:06:07.000008Z"


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """The command line within this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    return lambda *arguments, **options: CliRunner().invoke(main, [str(each) for each in arguments], **options)


@pytest.fixture(scope="module")
def restless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that reasons at once about what was said, with a workspace of everything that a workspace can have."""
    running = Server(tmp_path_factory.mktemp("restless") / "omoide.db", debounce_seconds="0")
    with running.client() as http:
        _fill(WorkspaceClient(http, "w"), running.db)
        WorkspaceClient(http, "other").say("s1", "This is nobody else's business.", peer="stranger")
    yield running
    assert running.stop() == -signal.SIGTERM, "".join(running.log)


def _fill(place: WorkspaceClient, db: Path) -> None:
    place.ok(
        "PUT", "", {"metadata": {"né": [1, 2.5, None]}, "configuration": {"dream": {"enabled": False}, "own": "é"}}
    )
    place.peer("alice", metadata={"k": {"deep": True}}, configuration={"observe_me": True, "mine": [1]})
    both = {"alice": {"observe_me": True}, "bob": {"observe_others": True}}
    place.session("s1", peers=both, metadata={"about": "moving"}, scopes=["work"])
    place.session("s2", peers={**both, "carol": {}}, configuration={"summary": {"messages_per_short_summary": 10}})
    place.say("s1", *[f"I own item number {n}." for n in range(21)], "I live in Lisbon with my dog Rex.")
    place.say("s1", "Where is that? ¿Sí? \u2028 \U0001f600", "I like tea.", peer="bob")
    aged = {"peer_id": "carol", "content": "I work as a nurse.", "created_at": LONG_AGO, "metadata": {"src": "x"}}
    quiet = {"peer_id": "carol", "content": "I like secrets.", "configuration": {"reasoning": {"enabled": False}}}
    place.ok("POST", "/sessions/s2/messages", {"messages": [aged, quiet]}, headers={"Idempotency-Key": "k-1"})
    place.say("s2", *[f"I visited town {n}." for n in range(10)], peer="bob")
    place.say("gone", "I will be deleted.")
    place.ok("DELETE", "/sessions/gone")
    place.ok("DELETE", "/sessions/s2/peers", ["carol"])
    made = {"content": "bob owns three bicycles", "observer_id": "alice", "observed_id": "bob", "session_id": "s1"}
    (kept, dropped) = place.ok("POST", "/conclusions", {"conclusions": [made, {**made, "content": "bob is late"}]})
    place.ok("DELETE", f"/conclusions/{dropped['id']}")
    assert kept["content"] == "bob owns three bicycles"
    place.ok("PUT", "/peers/alice/card", {"peer_card": ["IDENTITY: Bob"]}, params={"target": "bob"})
    place.ok("POST", "/scopes", {"id": "late", "metadata": {"m": 1}})
    until(lambda: _is_settled(place))
    place.ok("POST", "/scopes/late/sessions", {"session_ids": ["s1"]})
    until(lambda: _is_copied(place, "late", "s1") and _is_settled(place))
    # A job that has done its work is still owed until it is removed, and what is owed goes along.
    until(lambda: _is_idle(db))
    place.ok("POST", "/webhooks", {"url": "https://example.com/hook?a=1"})


def _is_copied(place: WorkspaceClient, scope: str, session: str) -> bool:
    return bool(place.ok("GET", f"/scopes/{scope}/status")["backfill_status"][session]["state"] == "completed")


def _is_settled(place: WorkspaceClient) -> bool:
    found = place.ok("GET", "/queue/status")
    return bool(found["pending_work_units"] + found["in_progress_work_units"] == 0)


def _is_idle(db: Path) -> bool:
    """Whether nothing is due and nothing runs, of whatever kind."""
    store = Store.open(db)
    try:
        return not any(
            job.state in ("due", "running")
            for job in read_now(store, job_stats.listed, clock.now(), failed_only=False, limit=1_000)
        )
    finally:
        store.close()


def answers(http: httpx.Client, workspace: str) -> dict[str, Any]:
    """What the API says about everything in the workspace."""
    place = WorkspaceClient(http, workspace)
    found: dict[str, Any] = {"workspace": http.post("/v3/workspaces", json={"id": workspace}).json()}

    def ask(method: str, path: str, body: Any = None, **query: Any) -> Any:
        found[f"{method} {path} {body} {query}"] = answer = place.ok(method, path, body, params=query)
        return answer

    for kind in ({}, {"kind": "all"}):
        ask("POST", "/peers/list", {}, size=100, **kind)
    for path in ("/sessions/list", "/conclusions/list", "/scopes/list"):
        ask("POST", path, {}, size=100)
        ask("POST", path, {}, size=2, page=2, reverse=True)
    ask("GET", "/webhooks")
    ask("POST", "/search", {"query": "where does she live"})
    for scope in ("work", "late"):
        ask("GET", f"/scopes/{scope}")
        ask("GET", f"/scopes/{scope}/status")
        ask("POST", f"/scopes/{scope}/sessions/list", {})
        ask("POST", "/peers/alice/representation", {"scopes": [scope]})
    for session in ("s1", "s2"):
        ask("POST", f"/sessions/{session}/messages/list", {}, size=100)
        ask("POST", f"/sessions/{session}/messages/list", {"filters": {"peer_id": "bob"}}, reverse=True, size=3)
        for path in ("/peers", "/summaries", "/context"):
            ask("GET", f"/sessions/{session}{path}")
        ask("GET", f"/sessions/{session}/context", tokens=300, peer_target="alice", search_query="dog")
        ask("POST", f"/sessions/{session}/search", {"query": "town"})
        for peer in ("alice", "bob"):
            ask("GET", f"/sessions/{session}/peers/{peer}/config")
    ask("GET", "/sessions/s2/peers/carol/config")
    for peer in ("alice", "bob", "carol"):
        ask("POST", f"/peers/{peer}/sessions", {})
        ask("POST", f"/peers/{peer}/search", {"query": "tea"})
        for target in ({}, {"target": "bob"}):
            ask("GET", f"/peers/{peer}/card", **target)
            ask("GET", f"/peers/{peer}/context", search_query="home", **target)
            ask("POST", f"/peers/{peer}/representation", target)
    pair = {"observer_id": "alice", "observed_id": "alice"}
    ask("POST", "/conclusions/query", {"query": "What belongs to her?", "filters": pair})
    return found


def is_embedded(db: Path) -> bool:
    store = Store.open(db)
    try:
        model = read_now(store, embeddings.progress)
        return model is not None and not any(
            read_now(store, embeddings.missing, source, model.through(source), 1) for source in embeddings.SOURCES
        )
    finally:
        store.close()


def lines_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


def test_an_imported_workspace_gives_the_same_answers(restless: Server, invoke: Invoke, tmp_path: Path) -> None:
    exported = invoke("export", "w", "w.jsonl", "--db", restless.db)
    assert exported.exit_code == 0, exported.output
    text = (tmp_path / "w.jsonl").read_text()
    assert "stranger" not in text, "workspaces share nothing"
    assert "I will be deleted" not in text
    assert "bob is late" not in text
    (tmp_path / "other").mkdir()
    server = Server(tmp_path / "other" / "omoide.db", debounce_seconds="3600")  # which is at work while it comes in
    imported = invoke("import", "w.jsonl", "--db", server.db)
    assert imported.exit_code == 0, imported.output
    until(lambda: is_embedded(server.db) and is_embedded(restless.db))
    with restless.client() as here, server.client() as there:
        before, after = answers(here, "w"), answers(there, "w")
        pairs = {question: (before[question], after[question]) for question in before}
        assert {question: pair for question, pair in pairs.items() if pair[0] != pair[1]} == {}
        # Asked twice under one key, it is still the same call.
        body = {"messages": [{"peer_id": "carol", "content": "I work as a nurse.", "created_at": LONG_AGO}]}
        again = WorkspaceClient(there, "w").call(
            "POST", "/sessions/s2/messages", body, headers={"Idempotency-Key": "k-1"}
        )
        assert again.status_code == 409
        assert len(WorkspaceClient(there, "w").said("s2")) == 12
    assert invoke("export", "w", "again.jsonl.gz", "--db", server.db).exit_code == 0
    again_lines = gzip.decompress((tmp_path / "again.jsonl.gz").read_bytes()).splitlines()
    assert again_lines[1:] == text.encode().splitlines()[1:]
    assert invoke("check", "--db", server.db).exit_code == 0
    server.stop()


def test_a_copy_beside_the_original_says_the_same_under_ids_of_its_own(
    restless: Server, invoke: Invoke, tmp_path: Path
) -> None:
    assert invoke("export", "w", "w.jsonl", "--db", restless.db).exit_code == 0
    with (tmp_path / "w.jsonl").open("rb") as file:
        copied = invoke("import", "-", "--as", "copy", "--db", restless.db, input=file)
    assert copied.exit_code == 0, copied.output
    assert invoke("export", "copy", "copy.jsonl", "--db", restless.db).exit_code == 0
    there, here = lines_of(tmp_path / "w.jsonl"), lines_of(tmp_path / "copy.jsonl")
    ids = {"id", "uid", "message", "conclusion", "successor", "source_ids", "details"}
    for one, other in zip(there[1:], here[1:], strict=True):
        assert {k: v for k, v in one.items() if k not in ids} == {k: v for k, v in other.items() if k not in ids}
        if "uid" in one:
            assert (one["uid"], one.get("id")) != (other["uid"], other.get("id"))
    new = {each["id"] for each in here if each["kind"] in ("message", "conclusion")}
    assert not new & {each["id"] for each in there if each["kind"] in ("message", "conclusion")}
    cited = [id for each in here if each["kind"] == "conclusion" for id in each["details"].get("message_ids", [])]
    assert cited
    assert set(cited) <= new
    repeated = invoke("import", "w.jsonl", "--as", "copy", "--db", restless.db)
    assert (repeated.exit_code, "already exists: nothing was imported" in repeated.output) == (0, True)
    with restless.client() as http:
        assert WorkspaceClient(http, "copy").sessions() == ["s1", "s2"]
        http.delete("/v3/workspaces/copy/sessions/s1")
        http.delete("/v3/workspaces/copy/sessions/s2")
        assert http.delete("/v3/workspaces/copy").is_success
    assert invoke("import", "w.jsonl", "--as", "copy", "--db", restless.db).exit_code == 0, (
        "what was deleted can return"
    )
    assert invoke("export", "copy", "once-more.jsonl", "--db", restless.db).exit_code == 0
    assert lines_of(tmp_path / "once-more.jsonl")[1:] == here[1:]


def test_what_was_owed_is_owed_again_and_then_done(restless: Server, invoke: Invoke, tmp_path: Path) -> None:
    async def say() -> None:
        home = await Home(tmp_path / "a.db").open()  # where nobody works
        await home.say("alice I live in Lisbon.", "bob I like tea.")
        await home.say(*[f"carol I own item number {n}." for n in range(20)], session="t")
        home.store.close()

    asyncio.run(say())
    assert invoke("export", "w", "w.jsonl", "--db", "a.db").exit_code == 0
    tasks = [each["task"] for each in lines_of(tmp_path / "w.jsonl") if each["kind"] == "job"]
    assert sorted(tasks) == ["representation", "representation", "representation", "summary"]
    assert invoke("import", "w.jsonl", "--db", "b.db").exit_code == 0
    assert invoke("export", "w", "again.jsonl", "--db", "b.db").exit_code == 0
    assert lines_of(tmp_path / "again.jsonl")[1:] == lines_of(tmp_path / "w.jsonl")[1:]
    assert invoke("import", "w.jsonl", "--as", "owed", "--db", restless.db).exit_code == 0
    with restless.client() as http:
        place = WorkspaceClient(http, "owed")
        until(lambda: _is_settled(place))
        found = place.ok("POST", "/conclusions/list", {}, params={"size": 100})["items"]
        assert {"alice lives in Lisbon", "bob likes tea"} < {each["content"] for each in found}
        assert [each["times_derived"] for each in found] == [1] * 22
        assert place.ok("GET", "/sessions/t/summaries")["short_summary"]["content"]


def test_an_export_goes_to_standard_output_and_its_report_does_not(restless: Server, invoke: Invoke) -> None:
    done = invoke("export", "w", "-", "--db", restless.db)
    header, *rest = (json.loads(line) for line in done.stdout_bytes.splitlines())
    assert len(rest) == sum(header["counts"].values())
    assert done.stderr.startswith("Exported w: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("export", "nobody", "x.jsonl"), "There is no workspace nobody"),
        (("export", "w", "there.jsonl"), "there.jsonl already exists: use --force to replace it"),
        (("export", "w", "missing/x.jsonl"), "missing: no such directory"),
        (("export", "w", "x.jsonl", "--db", "none.db"), "There is no database none.db"),
        (("export", "w", "x.jsonl", "--db", "there.jsonl"), "Cannot read the database there.jsonl"),
    ],
)
def test_an_export_that_cannot_be_is_one_clear_line(
    arguments: tuple[str, ...], said: str, restless: Server, invoke: Invoke, tmp_path: Path
) -> None:
    (tmp_path / "there.jsonl").write_text("mine, and no database, whatever anybody says" * 10)
    database = () if "--db" in arguments else ("--db", restless.db)
    done = invoke(*arguments, *database)
    assert (done.exit_code, done.output.count("\n")) == (1, 1), done.output
    assert said in done.output
    assert [each.name for each in tmp_path.iterdir()] == ["there.jsonl"]
    assert (tmp_path / "there.jsonl").read_text().startswith("mine")
