"""The hooks of Claude Code against a real server, with transcripts as that program writes them."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from omoide.agent_hooks.claude_code import ASSISTANT, session_context, session_of, store_turns
from omoide.agent_hooks.memory_client import MemoryClient
from omoide.agent_hooks.transcript import read_transcript
from omoide.core import clock
from omoide.core.auth import Keyring, Principal
from tests.conftest import SECRET
from tests.server_process import COMMAND, Server

SESSION = "6c6a9201-0bde-4f4e-8550-2037b94ed1fd"
COMMON = {"isSidechain": False, "userType": "external", "cwd": "/home/ines/work", "sessionId": SESSION}


class Transcript:
    """Writes the lines of one session, the newest last."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0

    def add(self, kind: str, content: object, **more: object) -> None:
        self.count += 1
        record = {
            "type": kind,
            "uuid": f"{self.count:08d}-9e9f-47c3-aebd-c0546637f489",
            "timestamp": f"2026-11-30T10:00:{self.count % 60:02d}.376Z",
            "message": {"role": kind, "content": content},
        }
        self.write(COMMON | record | more)

    def add_turn(self, said: str, answered: str) -> None:
        """What the program writes in a turn with a tool."""
        self.write({"type": "queue-operation", "operation": "enqueue", "content": said, "sessionId": SESSION})
        self.add("user", said)
        self.write({"type": "attachment", "attachment": {"type": "skill_listing"}, "uuid": "x", "sessionId": SESSION})
        self.add("assistant", [{"type": "thinking", "thinking": "secret thoughts", "signature": "x"}])
        self.add("assistant", [{"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}])
        result = [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "a tool's result"}]
        self.add("user", result, toolUseResult={"stdout": "a tool's result"})
        self.add("assistant", [{"type": "text", "text": answered}])
        self.write({"type": "last-prompt", "lastPrompt": said, "sessionId": SESSION})

    def write(self, record: dict[str, object]) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")


@pytest.fixture
def transcript(tmp_path: Path) -> Transcript:
    return Transcript(tmp_path / "transcript.jsonl")


def run_hook(event: str, given: object, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the hook as Claude Code does."""
    return subprocess.run(
        [COMMAND, "hook", "claude-code", event, *options],
        input=given if isinstance(given, str) else json.dumps(given),
        env=os.environ | environment, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip


def stored(server: Server, workspace: str) -> list[tuple[str, str]]:
    """Who said what, as the session has it."""
    path = f"/v3/workspaces/{workspace}/sessions/{session_of({'session_id': SESSION})}/messages/list"
    with server.client() as client:
        answer = client.post(path, params={"size": 100}, json={})
    assert answer.status_code == 200, answer.text
    return [(each["peer_id"], each["content"]) for each in answer.json()["items"]]


def test_stop_stores_the_talk_of_new_turns_only(server: Server, transcript: Transcript) -> None:
    workspace = "hook-stop"
    given = {"session_id": SESSION, "transcript_path": str(transcript.path), "hook_event_name": "Stop"}
    options = ("--url", server.url, "--workspace", workspace)
    transcript.add_turn("I live in Lisbon.", "Noted.")
    transcript.add("user", "<command-name>/clear</command-name>")
    transcript.add("user", "Caveat: the messages below", isMeta=True)
    transcript.add("user", "a task for a subagent", isSidechain=True)
    transcript.add("user", "This session is being continued", isCompactSummary=True, isVisibleInTranscriptOnly=True)
    note = {
        "role": "assistant",
        "model": "<synthetic>",
        "content": [{"type": "text", "text": "No response requested."}],
    }
    transcript.add("assistant", None, message=note)
    first = run_hook("stop", given, *options)
    assert (first.returncode, first.stdout, first.stderr) == (0, "", "")
    expected = [("user", "I live in Lisbon."), (ASSISTANT, "Noted.")]
    assert stored(server, workspace) == expected
    transcript.add_turn("And I have a dog.<system-reminder>Be brief.</system-reminder>", "Nice.")
    for _ in range(2):
        again = run_hook("stop", given, *options)
        assert (again.returncode, again.stderr) == (0, "")
    assert stored(server, workspace) == [*expected, ("user", "And I have a dog."), (ASSISTANT, "Nice.")]


def test_a_long_history_is_stored_whole_and_only_once(server: Server, transcript: Transcript) -> None:
    long = "A sentence of a long text. " * 2_000
    transcript.add("user", long)
    for number in range(150):
        transcript.add("user", f"Message {number}")
    given = {"session_id": SESSION, "transcript_path": str(transcript.path)}
    client = MemoryClient(server.url, "hook-long", None, 60)
    assert store_turns(client, given, "ines") == 153
    assert store_turns(client, given, "ines") == 0
    contents = [content for _, content in stored(server, "hook-long")]
    assert "".join(contents[:3]) == long.strip()
    assert contents[3:5] == ["Message 0", "Message 1"]


def test_what_others_add_to_the_session_does_not_hide_what_is_stored(server: Server, transcript: Transcript) -> None:
    transcript.add_turn("I live in Lisbon.", "Noted.")
    given = {"session_id": SESSION, "transcript_path": str(transcript.path)}
    store_turns(MemoryClient(server.url, "hook-others", None, 60), given, "user")
    path = f"/v3/workspaces/hook-others/sessions/{session_of(given)}/messages"
    with server.client() as client:
        others = [{"peer_id": "user", "content": f"by a tool {number}"} for number in range(60)]
        assert client.post(path, json={"messages": others}).status_code == 201
    assert store_turns(MemoryClient(server.url, "hook-others", None, 60), given, "user") == 0


@pytest.mark.parametrize("is_marked", [True, False])
def test_a_forked_session_stores_only_what_is_new(server: Server, tmp_path: Path, is_marked: bool) -> None:
    workspace = f"hook-fork-{is_marked}"
    client = MemoryClient(server.url, workspace, None, 60)
    first = Transcript(tmp_path / "first.jsonl")
    first.add_turn("I live in Lisbon.", "Noted.")
    first.add_turn("I like tea.", "So do many.")
    assert store_turns(client, {"session_id": "first", "transcript_path": str(first.path)}, "user") == 4
    fork = Transcript(tmp_path / "fork.jsonl")
    for line in first.path.read_text().splitlines():
        record = json.loads(line) | {"sessionId": SESSION}
        if is_marked and "uuid" in record:
            record |= {"uuid": f"new-{record['uuid']}", "forkedFrom": {"sessionId": "x", "messageUuid": record["uuid"]}}
        fork.write(record)
    fork.count = first.count
    given = {"session_id": SESSION, "transcript_path": str(fork.path)}
    assert store_turns(client, given, "user") == 0
    fork.add_turn("And cake.", "Fine.")
    assert store_turns(client, given, "user") == 2
    assert store_turns(client, given, "user") == 0
    assert stored(server, workspace) == [("user", "And cake."), (ASSISTANT, "Fine.")]


def test_what_was_said_after_the_last_turn_is_stored_at_the_end(server: Server, transcript: Transcript) -> None:
    given = {"session_id": SESSION, "transcript_path": str(transcript.path), "reason": "prompt_input_exit"}
    options = ("--url", server.url, "--workspace", "hook-end")
    transcript.add_turn("I live in Lisbon.", "Noted.")
    assert run_hook("stop", given, *options).stderr == ""
    transcript.add("user", "I also like tea.")
    transcript.add("user", [{"type": "text", "text": "[Request interrupted by user]"}])
    assert run_hook("session-end", given, *options).stderr == ""
    assert stored(server, "hook-end")[2:] == [("user", "I also like tea.")]


def test_the_context_says_nothing_twice() -> None:
    class Known(MemoryClient):
        def get(self, *path: str, **query: object) -> object:
            facts = "[2026-12-01 03:24:34] user lives in Lisbon (2 times)\n[2026-12-01 03:24:35] user likes tea"
            return {
                "peer_card": ["ATTRIBUTE: lives in Lisbon"],
                "representation": f"## Explicit Observations\n\n{facts}\n",
            }

    context = session_context(Known("http://localhost", "demo", None, 1), {"source": "startup"}, "user")
    assert context is not None
    assert context.splitlines()[2:] == ["ATTRIBUTE: lives in Lisbon", "[2026-12-01] user likes tea"]


def test_a_session_starts_with_what_is_known_unless_it_is_resumed(server: Server) -> None:
    options = ("--url", server.url, "--workspace", "hook-start")
    unknown = run_hook("session-start", {"session_id": SESSION, "source": "startup"}, *options)
    assert (unknown.returncode, unknown.stdout, unknown.stderr) == (0, "", "")
    with server.client() as client:
        client.post("/v3/workspaces/hook-start/peers", json={"id": "user"}).raise_for_status()
        card = {"peer_card": ["Lives in Lisbon", "Has a dog, Rex"]}
        client.put("/v3/workspaces/hook-start/peers/user/card", json=card).raise_for_status()
    known = run_hook("session-start", {"session_id": SESSION, "source": "startup"}, *options)
    output = json.loads(known.stdout)["hookSpecificOutput"]
    assert output["hookEventName"] == "SessionStart"
    assert "Lives in Lisbon\nHas a dog, Rex" in output["additionalContext"]
    assert run_hook("session-start", {"session_id": SESSION, "source": "resume"}, *options).stdout == ""


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        ({"session_id": SESSION, "transcript_path": __file__}, ("--url", "http://127.0.0.1:9"), "no answer"),
        ({"session_id": SESSION, "transcript_path": "/no/such/file"}, ("--url", "http://127.0.0.1:9"), "No such file"),
        ("no json", ("--url", "http://127.0.0.1:9"), "not a JSON object"),
        ({}, ("--url", "localhost"), "must be that of a server"),
        ({}, ("--unknown",), "No such option"),
    ],
)
def test_a_hook_never_fails_the_turn(given: object, options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    if isinstance(given, dict) and given.get("transcript_path") == __file__:
        transcript = Transcript(tmp_path / "transcript.jsonl")
        transcript.add_turn("Hello.", "Hello.")
        given = given | {"transcript_path": str(transcript.path)}
    done = run_hook("stop", given, *options)
    assert (done.returncode, done.stdout) == (0, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_damaged_line_hides_no_other(transcript: Transcript) -> None:
    transcript.add("user", "one")
    with transcript.path.open("ab") as file:
        file.write(
            b'{"type": "user", "message": {"content": "cut\n\xff\xfe"message"\n{"message": [1], "type": "user"}\n'
        )
    transcript.add("assistant", [{"type": "text", "text": "two \ud800"}, {"type": "image"}, 3])
    assert [each.content for each in read_transcript(transcript.path)] == ["one", "two ?"]


def test_the_key_of_the_named_variable_is_sent(guarded: Server, transcript: Transcript) -> None:
    transcript.add_turn("I live in Lisbon.", "Noted.")
    given = {"session_id": SESSION, "transcript_path": str(transcript.path)}
    options = ("--url", guarded.url, "--workspace", "hook-key", "--key-env", "MY_KEY")
    refused = run_hook("stop", given, *options)
    assert refused.returncode == 0
    assert "401" in refused.stderr
    key = Keyring(SECRET).mint(Principal(False, "hook-key", None, None), now=clock.now(), expires_at=None)
    done = run_hook("stop", given, *options, MY_KEY=key)
    assert (done.returncode, done.stderr) == (0, "")
