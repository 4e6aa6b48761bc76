"""`omoide import --from honcho`: a workspace of another server comes over its API, once, however often it is tried."""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from omoide.cli.main import main
from omoide.services.honcho import api
from tests.handlers.workspace import WorkspaceClient, until
from tests.honcho_stand_in import KEY, WORKSPACE, StandIn, serving
from tests.server_process import COMMAND, Server
from tests.test_import_conversations import stored

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Invoke:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HONCHO_API_KEY", raising=False)
    return lambda url, *more, **env: CliRunner().invoke(main, ["import", url, "--from", "honcho", *more], env=env)


@pytest.fixture
def old() -> Iterator[StandIn]:
    with serving(StandIn()) as data:
        yield data


@pytest.fixture
def take(invoke: Invoke, old: StandIn) -> Callable[..., Result]:
    """Import from the stand-in as the workspace `w`."""
    return lambda *more: invoke(old.url, "--workspace", WORKSPACE, "--as", "w", *more, HONCHO_API_KEY=KEY)


def _fill(source: WorkspaceClient) -> None:
    source.ok("PUT", "", {"metadata": {"a": [1]}, "configuration": {"dream": {"enabled": False}, "own": "é"}})
    source.peer("alice", metadata={"k": 1}, configuration={"observe_me": True, "mine": 2})
    members = {"alice": {"observe_me": True}, "bob": {"observe_others": True}, "carol": {}}
    source.session("s1", peers=members, metadata={"about": "moving"}, configuration={"summary": {"enabled": True}})
    source.say("s1", *[f"I own item number {n}." for n in range(21)], "I live in Lisbon with my dog Rex.")
    source.say("s1", "I sold my house.", peer="carol")
    source.ok("DELETE", "/sessions/s1/peers", ["carol"])
    aged = {"peer_id": "bob", "content": "I like tea.", "created_at": "2021-03-04T05:06:07.000008Z"}
    source.ok("POST", "/sessions/s2/messages", {"messages": [{**aged, "metadata": {"source": "app", "n": 1}}]})
    source.ok("PUT", "/peers/bob/card", {"peer_card": ["IDENTITY: Carol"]}, params={"target": "carol"})
    source.ok("POST", "/scopes", {"id": "late", "metadata": {"m": 1}})
    source.ok("POST", "/scopes/late/sessions", {"session_ids": ["s1"]})
    until(lambda: _is_settled(source))


def _is_settled(place: WorkspaceClient) -> bool:
    status = place.ok("GET", "/queue/status")
    return not status["pending_work_units"] + status["in_progress_work_units"] and bool(_conclusions(place))


def _conclusions(place: WorkspaceClient) -> list[tuple[Any, ...]]:
    found = place.ok("POST", "/conclusions/list", params={"size": 100})["items"]
    fields = ("content", "observer_id", "observed_id", "session_id", "level", "created_at", "said_at", "times_derived")
    return sorted(tuple(str(each[field]) for field in fields) for each in found)


def _described(place: WorkspaceClient) -> dict[str, Any]:
    """What the import is to keep of a workspace, as its server answers."""
    (workspace,) = place.http.post("/v3/workspaces/list", json={"filters": {"id": place.id}}).json()["items"]
    own = ("metadata", "configuration", "created_at")
    found: dict[str, Any] = {"workspace": [workspace[each] for each in own]}
    for kind in ("peers", "sessions"):
        listed = place.ok("POST", f"/{kind}/list")["items"]
        found[kind] = sorted((each["id"], *(str(each[name]) for name in own)) for each in listed)
    for session in place.sessions():
        messages = place.ok("POST", f"/sessions/{session}/messages/list", params={"size": 100})["items"]
        for each in messages:
            each["metadata"].pop("source_key", None)
            if each["metadata"].get("source") == "honcho":
                del each["metadata"]["source"]
        kept = ("content", "peer_id", "metadata", "created_at", "token_count")
        found[session] = [[each[name] for name in kept] for each in messages]
        found[f"members of {session}"] = {peer: place.flags(session, peer) for peer in place.members(session)}
        summary = place.ok("GET", f"/sessions/{session}/summaries")["short_summary"]
        found[f"summary of {session}"] = summary and summary["content"]
    found["cards"] = [
        place.ok("GET", f"/peers/{observer}/card", params={"target": observed})["peer_card"]
        for observer in ("alice", "bob")
        for observed in ("alice", "bob", "carol")
    ]
    found["scope"] = place.ok("POST", "/scopes/late/sessions/list")["items"][0]["id"]
    return found


def test_a_workspace_arrives_as_it_was_and_goes_on_learning(tmp_path: Path, invoke: Invoke) -> None:
    there = Server(tmp_path / "there.db", debounce_seconds="0")
    here = Server(tmp_path / "omoide.db", debounce_seconds="0")
    with there.client() as http, here.client() as to:
        source, target = WorkspaceClient(http, "w"), WorkspaceClient(to, "w")
        _fill(source)
        dry = invoke(there.url, "--dry-run")
        assert "Would import 3 peers, 2 sessions, 24 messages" in dry.output
        assert to.post("/v3/workspaces/list").json()["total"] == 0
        done = invoke(there.url)
        assert done.exit_code == 0, done.output
        until(lambda: _is_settled(target) and len(_conclusions(target)) == len(_conclusions(source)))
        assert _described(target) == _described(source)
        assert _conclusions(target) == _conclusions(source), "nothing was concluded from the messages again"
        (lisbon,) = (
            each
            for each in target.ok(
                "POST", "/conclusions/list", {"filters": {"observer_id": "alice"}}, params={"size": 100}
            )["items"]
            if "Lisbon" in each["content"]
        )
        (behind,) = lisbon["message_ids"]
        assert "Lisbon" in target.ok("GET", f"/sessions/s1/messages/{behind}")["content"]
        known = len(_conclusions(target))
        target.say("s1", "I work as a nurse.")
        until(lambda: _is_settled(target) and len(_conclusions(target)) > known)
        source.say("s1", "I have a cat named Mia.")
        until(lambda: _is_settled(source))
        again = invoke(there.url)
        assert "Imported 1 message, 2 conclusions into w" in again.output
        assert target.said("s1")[-2:] == ["I work as a nurse.", "I have a cat named Mia."]
        assert "Imported nothing" in invoke(there.url).output
    there.stop()
    here.stop()


def test_what_is_not_valid_here_is_changed_or_left_out_and_said(old: StandIn, take: Callable[..., Result]) -> None:
    old.peers.append(
        old.entity("Zoë B", configuration={"observe_me": "banana"}, metadata={"deep": {"a": {"b": {"c": {"d": {}}}}}})
    )
    old.sessions.append(old.entity("gone", is_active=False))
    old.members["Zoë B"] = {"observe_me": False, "observe_others": None}
    old.say(1, "word " * 6_000, peer="Zoë B", metadata={f"k{n}": n for n in range(100)})
    old.say(2, "\x00nul", peer="departed", metadata={"source_key": "mine", "source": "app"})
    old.conclude(1, "ana lives in Graz")
    old.conclude(2, "a guess", level="abductive")
    old.conclude(3, "ana may move", level="deductive", observer_id="bot")
    done = take()
    assert done.exit_code == 0, done.output
    first, second, last = stored("s")
    zoe = first["peer"]
    assert zoe.startswith("zoe-b-")
    assert first["text"] + second["text"] == "word " * 6_000
    assert (last["text"], last["peer"]) == ("nul", "departed")
    assert (last["metadata"]["source"], last["metadata"]["source_key_before"]) == ("app", "mine")
    for line in (
        "Left out once: session that is deleted",
        "Left out once: message metadata beyond 97 entries",
        "Left out once: conclusion of an unknown level",
        "Left out once: peer metadata that is too large or too deep",
        "Left out once: peer configuration that is not valid",
        "Split: 1 message",
        f"Renamed: peer 'Zoë B' is {zoe}.",
        "Imported 3 peers, 1 session, 2 messages, 2 conclusions, 1 card into w",
    ):
        assert line in done.output
    assert "Imported nothing" in take().output


def test_a_server_that_refuses_for_a_while_is_asked_again(
    old: StandIn, take: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "FIRST_PAUSE_SECONDS", 0.001)
    old.say(1)
    seen: set[str] = set()

    def once(path: str) -> tuple[int, dict[str, str]] | None:
        if path in seen:
            return None
        seen.add(path)
        return (429, {"Retry-After": "0"}) if len(seen) % 2 else (503, {})

    old.fail = once
    done = take()
    assert done.exit_code == 0, done.output
    assert len(stored("s")) == 1
    old.fail = lambda path: (502, {}) if path.endswith("/messages/list") else None
    gone = take()
    assert gone.exit_code == 1
    assert f"answered 502: failing ({api.ATTEMPTS} attempts)" in gone.output


def test_a_key_that_is_refused_is_one_clear_line(invoke: Invoke, old: StandIn) -> None:
    wrong = invoke(old.url, "--workspace", WORKSPACE, HONCHO_API_KEY="secret-of-mine")
    assert wrong.exit_code == 1
    assert wrong.output.startswith(f"Error: {old.url} refused the key: Invalid JWT")
    assert "secret-of-mine" not in wrong.output
    every = invoke(old.url, HONCHO_API_KEY=KEY)
    assert "With a key of one workspace, pass --workspace" in every.output


@pytest.mark.parametrize("size", [7, 50])
def test_every_size_of_pages_gives_the_same(
    size: int, old: StandIn, take: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "PAGE_SIZE", size)
    for number in range(1, 51):
        old.say(number)
        old.conclude(number, f"fact {number}")
    assert "50 messages, 50 conclusions" in take().output
    old.say(51)
    assert "Imported 1 message into w" in take().output
    assert [each["text"] for each in stored("s")] == [f"message {number}" for number in range(1, 52)]


def test_an_import_that_was_killed_goes_on_without_doubles(
    old: StandIn, take: Callable[..., Result], tmp_path: Path
) -> None:
    for number in range(1, 501):
        old.say(number)
    reached, killed = threading.Event(), threading.Event()

    def stop(path: str) -> None:
        if path.endswith("/messages/list") and sum(each == path for each in old.requests) == 4:
            reached.set()
            killed.wait(30)

    old.fail = stop
    command = [str(COMMAND), "import", old.url, "--from", "honcho", "--workspace", WORKSPACE, "--as", "w", "--key", KEY]
    running = subprocess.Popen(command, cwd=tmp_path)
    assert reached.wait(30)
    running.send_signal(signal.SIGKILL)
    running.wait()
    killed.set()
    assert len(stored("s")) == 300
    requests = len(old.requests)
    assert "Imported 200 messages" in take().output
    assert [each["text"] for each in stored("s")] == [f"message {number}" for number in range(1, 501)]
    lists = [each for each in old.requests[requests:] if each.endswith("/messages/list")]
    assert len(lists) == 4, "the pages before the interruption were not read again"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["http://localhost:1", "--from", "chatgpt"], "--from honcho"),
        (["http://localhost:1"], "--from honcho"),
        ([".", "--from", "honcho"], "not the address"),
        (["http://localhost:1", "--from", "honcho", "--as", "x"], "--workspace"),
        (["http://localhost:1", "--from", "honcho", "--restart"], "--restart"),
        ([".", "--derive"], "--derive"),
    ],
)
def test_options_that_do_not_fit_a_server_are_refused(arguments: list[str], reason: str) -> None:
    found = CliRunner().invoke(main, ["import", *arguments])
    assert found.exit_code == 2
    assert reason in found.output
