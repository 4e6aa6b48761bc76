"""honcho-cli, the official command line client, against a server with authentication on.

It is installed beside its requirements, not by them (see requirements.lock here and `make cli`).
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from omoide.core import clock
from omoide.core.auth import ADMIN, Keyring
from tests.conftest import SECRET
from tests.server_process import Server

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("honcho_cli") is None, reason="honcho-cli is not installed: make cli"
)
FORKS = Path(__file__).with_name("forks.py")

Fresh = Callable[[str], str]


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    code: int
    out: str
    err: str


class Cli:
    """The commands of one user, who has a key and a workspace; each runs in a process of its own."""

    def __init__(self, home: Path, server: Server) -> None:
        self.configuration = home / "config.json"
        self.url = server.url
        self.workspace = ""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HONCHO_")}
        # Loopback needs no certificates, and a test no news.
        own = {"HONCHO_CONFIG_DIR": str(home), "HONCHO_NO_UPDATE_CHECK": "1", "SSL_CERT_DIR": str(home)}
        self.process = subprocess.Popen(
            [sys.executable, FORKS], env=clean | own, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def configure(self, key: str) -> None:
        self.configuration.write_text(json.dumps({"environmentUrl": self.url, "apiKey": key}))

    def run(self, *arguments: str, **environment: str) -> Done:
        asked = {
            "arguments": [*arguments, "--json"],
            "environment": {"HONCHO_WORKSPACE_ID": self.workspace} | environment,
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return Done(**json.loads(self.process.stdout.readline()))

    def __call__(self, *arguments: str, **environment: str) -> Any:
        """What the command prints."""
        done = self.run(*arguments, **environment)
        assert done.code == 0, f"honcho {' '.join(arguments)}: {done.out}{done.err}"
        return json.loads(done.out)

    def each(self, *commands: str) -> list[Any]:
        """What the commands print. They are split at blanks."""
        return [self(*command.split()) for command in commands]


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory, guarded: Server) -> Iterator[Cli]:
    made = Cli(tmp_path_factory.mktemp("home"), guarded)
    with made.process as process:
        yield made
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture
def cli(user: Cli, fresh: Fresh) -> Cli:
    """A user with an admin key and a workspace that is not there yet."""
    user.configure(admin_key())
    user.workspace = fresh("cli")
    return user


def admin_key() -> str:
    return Keyring(SECRET).mint(ADMIN, now=clock.now())


def test_the_doctor_finds_nothing_wrong(cli: Cli) -> None:
    report = cli("doctor", HONCHO_PEER_ID="alice")
    assert report["passed"] == report["total"] == 6, report
    assert {"check": "Peer exists", "ok": True, "detail": "alice"} in report["checks"]


def test_a_wrong_key_is_said_to_be_wrong(cli: Cli) -> None:
    cli.configure("nonsense")
    assert cli.run("doctor").code == 1
    refused = cli.run("workspace", "list")
    assert refused.code == 3
    assert json.loads(refused.err)["error"]["code"]


def test_init_tries_the_key_and_remembers_it(cli: Cli) -> None:
    key = admin_key()
    cli.configuration.unlink()
    cli.run("init", "--api-key", key, "--base-url", cli.url)
    stored = json.loads(cli.configuration.read_text())
    assert (stored["environmentUrl"], stored["apiKey"]) == (cli.url, key)


def test_a_workspace_is_made_looked_at_and_deleted(cli: Cli) -> None:
    made = cli("workspace", "create", cli.workspace, "--metadata", '{"team": "red"}')
    assert made["workspace_id"] == cli.workspace
    cli.each("peer create alice", "session create first --peers alice,bob")
    listed, seen, status, plan = cli.each(
        "workspace list",
        f"workspace inspect {cli.workspace}",
        "workspace queue-status",
        f"workspace delete {cli.workspace} --dry-run --cascade",
    )
    assert cli.workspace in [workspace["id"] for workspace in listed]
    assert (seen["metadata"], seen["peer_count"], seen["session_count"]) == ({"team": "red"}, 2, 1)
    assert status["pending_work_units"] + status["in_progress_work_units"] >= 0
    assert (plan["sessions_to_delete"], plan["session_ids"]) == (1, ["first"])
    refused = cli.run("workspace", "delete", cli.workspace, "--yes")
    assert refused.code == 1
    assert "active session" in refused.err
    cli("workspace", "delete", cli.workspace, "--yes", "--cascade")
    assert cli.workspace not in [workspace["id"] for workspace in cli("workspace", "list")]


def test_peers(cli: Cli) -> None:
    made = cli("peer", "create", "alice", "--no-observe-me", "--metadata", '{"colour": "green"}')
    assert made["peer_id"] == "alice"
    cli("peer", "set-metadata", '{"colour": "blue"}', "-p", "alice")
    metadata, listed, card, representation, seen = cli.each(
        "peer get-metadata alice", "peer list", "peer card alice", "peer representation alice", "peer inspect alice"
    )
    assert metadata == {"peer_id": "alice", "metadata": {"colour": "blue"}}
    assert [(peer["id"], peer["metadata"]) for peer in listed] == [("alice", {"colour": "blue"})]
    assert listed[0]["configuration"] == {"observe_me": False}
    assert (card["card"], representation["representation"]) == (None, "")
    assert (seen["session_count"], seen["conclusion_count"]) == (0, 0)


def test_sessions(cli: Cli) -> None:
    made = cli("session", "create", "first", "--peers", "alice", "--metadata", '{"channel": "web"}')
    assert made["session_id"] == "first"
    cli("session", "add-peers", "first", "bob", "carol")
    cli("session", "remove-peers", "first", "carol")
    cli("session", "set-metadata", "first", "--data", '{"channel": "mail"}')
    listed, of_alice, metadata, peers, summaries, context, seen = cli.each(
        "session list",
        "session list -p alice",
        "session get-metadata first",
        "session peers first",
        "session summaries first",
        "session context first --tokens 100",
        "session inspect first",
    )
    assert [session["id"] for session in listed] == [session["id"] for session in of_alice] == ["first"]
    assert metadata["metadata"] == {"channel": "mail"}
    assert [peer["id"] for peer in peers] == ["alice", "bob"]
    assert (summaries["short_summary"], summaries["long_summary"], context["messages"]) == (None, None, [])
    assert seen["message_count"] == 0
    assert cli("session", "delete", "first", "--yes") == {"deleted": "first"}
    assert cli("session", "list") == []


def test_messages(cli: Cli) -> None:
    said = [cli("message", "create", f"Number {n}", "-p", "alice", "-s", "first") for n in range(2)]
    cli("message", "create", "I walk the dog", "-p", "bob", "-s", "first", "--metadata", '{"n": 3}')
    last, of_bob, one, view, in_session, in_workspace, of_peer = cli.each(
        "message list first --last 2",
        "message list first -p bob",
        f"message get {said[0]['id']} -s first",
        "session view first --all",
        "session search dog first",
        "workspace search dog",
        "peer search dog -p bob",
    )
    assert [message["content"] for message in last] == ["Number 1", "I walk the dog"]
    assert [message["content"] for message in of_bob] == ["I walk the dog"]
    assert (one["content"], one["peer_id"]) == ("Number 0", "alice")
    assert [message["content"] for message in view] == ["Number 0", "Number 1", "I walk the dog"]
    for found in (in_session, in_workspace, of_peer):
        assert found[0]["content"] == "I walk the dog"
    assert cli.run("message", "get", "nothing", "-s", "first").code == 1


def test_conclusions(cli: Cli) -> None:
    cli.each("peer create alice", "peer create bob")
    pair = ("--observer", "alice", "--observed", "bob")
    tea = cli("conclusion", "create", "bob likes tea", *pair)
    cli("conclusion", "create", "bob lives in Lisbon", *pair)
    assert (tea["observer_id"], tea["observed_id"], tea["session_id"]) == ("alice", "bob", None)
    flags = " ".join(pair)
    listed, inductive, found, fetched, derived, text = cli.each(
        f"conclusion list {flags}",
        f"conclusion list {flags} --level inductive",
        f"conclusion search tea {flags} --top-k 1",
        f"conclusion get {tea['id']}",
        f"conclusion derived {tea['id']}",
        "peer representation alice --target bob",
    )
    assert [conclusion["content"] for conclusion in listed] == ["bob lives in Lisbon", "bob likes tea"]
    assert [conclusion["content"] for conclusion in found] == ["bob likes tea"]
    assert [conclusion["id"] for conclusion in fetched] == [tea["id"]]
    assert (inductive, derived) == ([], [])
    assert "bob likes tea" in text["representation"]
    assert cli("conclusion", "delete", tea["id"], *pair, "--yes") == {"deleted": tea["id"]}
    assert len(cli("conclusion", "list", *pair)) == 1


def home_and_office(cli: Cli) -> None:
    """alice tells one thing at home, where bob listens, and another at the office; each has a scope of its name."""
    cli("message", "create", "I live in Lisbon.", "-p", "alice", "-s", "home")
    cli("message", "create", "I work at a bakery.", "-p", "alice", "-s", "office")
    for session in ("home", "office"):
        cli("scope", "create", session, "--sessions", session)
    cli("session", "add-peers", "home", "bob")
    pair = ("--observer", "bob", "--observed", "alice")
    cli("conclusion", "create", "alice lives in Lisbon", *pair, "-s", "home")


def test_chat_with_a_peer(cli: Cli) -> None:
    home_and_office(cli)

    def ask(query: str, *options: str, peer: str = "alice") -> Any:
        return cli("peer", "chat", query, "-p", peer, *options)

    where, work = "Where does Alice live?", "Where does Alice work?"
    answer = ask(where)
    assert (answer["peer_id"], answer["query"]) == ("alice", where)
    assert answer.keys() == {"peer_id", "query", "response"}
    for options in (
        ["-r", "max"],
        ["-s", "home"],
        ["--scope", "home"],
        ["--sessions", "home"],
        ["--scope", "home,office"],
    ):
        assert "Lisbon" in ask(where, *options)["response"]
    for options in (["--scope", "home"], ["--sessions", "home"]):
        assert "bakery" not in ask(work, *options)["response"]
    told = ask(where, "--target", "alice", "--evidence", peer="bob")
    assert "Lisbon" in told["response"]
    assert "alice lives in Lisbon" in [read["content"] for read in told["evidence"]["conclusions"]]
    assert told["evidence"]["messages"]["total"] > 0
    assert told["evidence"]["tool_calls"]
    unknown = cli.run("peer", "chat", where, "-p", "alice", "--target", "nobody")
    assert unknown.code == 1
    assert "nobody" in unknown.err


def test_chat_with_a_workspace(cli: Cli) -> None:
    home_and_office(cli)

    def ask(query: str, *options: str) -> Any:
        return cli("workspace", "chat", query, *options)

    who, work = "Who lives in Lisbon?", "Where does Alice work?"
    assert ask(who).keys() == {"workspace_id", "query", "response"}
    for options in ([], ["-r", "minimal"], ["-s", "home"], ["--scope", "home"], ["--scope", "home,office"]):
        assert "alice" in ask(who, *options)["response"]
    assert "bakery" not in ask(work, "--scope", "home")["response"]
    evidence = ask(who, "--evidence")["evidence"]
    assert "alice lives in Lisbon" in [read["content"] for read in evidence["conclusions"]]
    assert cli.run("workspace", "chat", who, "--scope", "nowhere").code == 1


def test_a_representation_within_a_session(cli: Cli) -> None:
    home_and_office(cli)
    known = cli("session", "representation", "bob", "home", "--target", "alice")
    assert "alice lives in Lisbon" in known["representation"]
    assert "Lisbon" not in cli("session", "representation", "bob", "office", "--target", "alice")["representation"]
    assert cli("peer", "card", "bob", "--target", "alice")["card"] is None


def test_scopes(cli: Cli) -> None:
    cli.each("session create one", "session create two")
    assert cli("scope", "create", "work", "--sessions", "one", "--metadata", '{"kind": "job"}')["id"] == "work"
    cli("scope", "add-sessions", "work", "two")
    listed, sessions, seen, status = cli.each(
        "scope list", "scope sessions work", "scope inspect work", "scope status work"
    )
    assert [(scope["id"], scope["metadata"]) for scope in listed] == [("work", {"kind": "job"})]
    assert [session["id"] for session in sessions] == ["one", "two"]
    assert seen["id"] == "work"
    assert status is not None
    cli("scope", "remove-session", "work", "one")
    assert [session["id"] for session in cli("scope", "sessions", "work")] == ["two"]
