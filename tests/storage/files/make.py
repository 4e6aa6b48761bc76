"""Create the test file for upgrades from the installed version of Omoide: rows in all tables, and pending jobs.

    python tests/storage/files/make.py            in this folder: schema_<n>.db.gz and schema_<n>.json

Run it before adding a migration step, so that the file is written by the version without it:
`tests/storage/test_upgrades.py` requires it. `n` is the number of steps of that version. The .json file holds that
version's responses to READS on the file. The script imports nothing from the tests, so that PYTHONPATH may point to an
older version.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from starlette.testclient import TestClient

HERE = Path(__file__).parent
SETTINGS = {
    "embedder": "wordllama",
    "debounce_seconds": "0",
    "messages_per_short_summary": "10",
    "messages_per_long_summary": "20",
    "webhook_secret": "what events are signed with",
    "webhook_private_targets": "true",
    "webhook_attempts": "1",
}
START = """
try:
    from omoide.__main__ import main
except ImportError:  # its location in the first versions
    from omoide.cli import main
main()
"""
W = "/v3/workspaces/harbour"
DEAD_END = "http://127.0.0.1:9/events"

READS: list[tuple[str, str, Any]] = [
    ("POST", "/v3/workspaces/list", {}),
    ("POST", f"{W}/peers/list", {}),
    ("POST", f"{W}/sessions/list", {}),
    ("GET", f"{W}/sessions/pier/peers", None),
    ("GET", f"{W}/sessions/pier/peers/alice/config", None),
    ("GET", f"{W}/sessions/pier/peers/carol/config", None),
    ("POST", f"{W}/sessions/pier/messages/list?size=100", {}),
    ("POST", f"{W}/sessions/dock/messages/list?size=100", {}),
    ("POST", f"{W}/sessions/old/messages/list", {}),
    ("POST", f"{W}/peers/alice/sessions", {}),
    ("POST", f"{W}/conclusions/list?size=100", {}),
    ("GET", f"{W}/peers/alice/card", None),
    ("GET", f"{W}/sessions/pier/summaries", None),
    ("GET", f"{W}/sessions/pier/context?tokens=300", None),
    ("POST", f"{W}/sessions/pier/search", {"query": "lighthouse", "limit": 5}),
    ("POST", f"{W}/scopes/list", {}),
    ("POST", f"{W}/scopes/crew/sessions/list", {}),
    ("GET", f"{W}/webhooks", None),
]


def fill(http: Any, knows: set[str]) -> None:
    """Create content in all tables, while a worker runs all jobs."""

    def call(method: str, template: str, body: Any = None, headers: Any = None, **names: str) -> Any:
        if template not in knows:  # this version lacks the operation
            return None
        url = template.format(workspace_id="harbour", **names)
        answer = http.request(method, url, json=body, headers=headers)
        if answer.status_code == 501:  # not implemented in this version
            return None
        assert answer.status_code < 300, (method, url, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    workspace = "/v3/workspaces/{workspace_id}"
    session = f"{workspace}/sessions/{{session_id}}"
    call("POST", "/v3/workspaces", {"id": "harbour", "metadata": {"kind": "port"}})
    call("POST", f"{workspace}/webhooks", {"url": DEAD_END})
    call("POST", f"{workspace}/peers", {"id": "alice", "metadata": {"boat": "Heron"}})
    members = {"alice": {"observe_me": True, "observe_others": True}, "bob": {}, "carol": {"observe_me": False}}
    for name, peers in {"pier": members, "old": {"alice": {}}, "loft": {"alice": {}}}.items():
        call("POST", f"{workspace}/sessions", {"id": name, "metadata": {"n": 1}, "peers": peers})
    lines = [("alice", f"I own lighthouse number {n}.") for n in range(12)]
    lines += [("bob", f"I like harbour number {n}, and the lighthouse.") for n in range(12)]
    said = [{"peer_id": peer, "content": text, "metadata": {"n": n}} for n, (peer, text) in enumerate(lines)]
    said[3]["created_at"] = "2025-01-02T03:04:05Z"
    call("POST", f"{session}/messages", {"messages": said}, {"Idempotency-Key": "first"}, session_id="pier")
    for name in ("old", "loft"):
        few = [{"peer_id": "alice", "content": f"I have kite number {n} in the {name}."} for n in range(5)]
        call("POST", f"{session}/messages", {"messages": few}, session_id=name)
    call("DELETE", f"{session}/peers", ["carol"], session_id="pier")
    by_hand = [{"content": f"alice sails on day {n}", "observer_id": "bob", "observed_id": "alice"} for n in range(3)]
    call("POST", f"{workspace}/conclusions", {"conclusions": by_hand})
    call("PUT", f"{workspace}/peers/{{peer_id}}/card", {"peer_card": ["Sails the Heron"]}, peer_id="alice")
    call("POST", f"{workspace}/scopes", {"id": "crew", "session_ids": ["pier"]})
    call("GET", f"{workspace}/webhooks/test")
    call(
        "POST",
        f"{workspace}/schedule_dream",
        {"observer": "alice", "observed": "alice", "dream_type": "omni"},
    )
    http.post("/v3/workspaces", json={"id": "attic"}).raise_for_status()
    one = {"messages": [{"peer_id": "zoe", "content": "dust"}]}
    http.post("/v3/workspaces/attic/sessions", json={"id": "box"}).raise_for_status()
    http.post("/v3/workspaces/attic/sessions/box/messages", json=one).raise_for_status()


def enqueue(http: Any, knows: set[str]) -> None:
    """Create jobs that stay pending."""
    said = [{"peer_id": "alice", "content": f"I own anchor number {n}."} for n in range(12)]
    http.post(f"{W}/sessions", json={"id": "dock", "peers": {"alice": {"observe_me": True}}}).raise_for_status()
    answer = http.post(f"{W}/sessions/dock/messages", json={"messages": said}, headers={"Idempotency-Key": "second"})
    answer.raise_for_status()
    http.delete(f"{W}/sessions/old").raise_for_status()
    http.delete("/v3/workspaces/attic/sessions/box").raise_for_status()
    http.delete("/v3/workspaces/attic").raise_for_status()
    if f"{W.replace('harbour', '{workspace_id}')}/scopes" in knows:
        http.post(f"{W}/scopes/crew/sessions", json={"session_ids": ["loft"]}).raise_for_status()
        found = http.post(f"{W}/conclusions/list", json={"filters": {"observer_id": "bob"}}).json()["items"]
        http.delete(f"{W}/conclusions/{found[0]['id']}").raise_for_status()
        http.get(f"{W}/webhooks/test").raise_for_status()


def served(db: Path) -> None:
    """Fill the file through a server, and stop it once only dreams are pending."""
    environment = os.environ | {f"OMOIDE_{name.upper()}": value for name, value in SETTINGS.items()}
    command = [sys.executable, "-c", START, "serve", "--port", "0", "--db", str(db)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, cwd=db.parent) as server:
        assert server.stderr is not None
        lines = iter(server.stderr)
        url = next(found[1] for line in lines if (found := re.search(r"running on (http://[^ ]+)", line)))
        try:
            with httpx.Client(base_url=url, timeout=60) as http:
                fill(http, set(http.get("/openapi.json").json()["paths"]))
                while owed(db):
                    time.sleep(0.1)
        finally:
            server.send_signal(signal.SIGTERM)
            for _ in lines:
                pass


def owed(db: Path) -> bool:
    with contextlib.closing(sqlite3.connect(db)) as connection:
        columns = {row[1] for row in connection.execute("PRAGMA table_info(jobs)")}
        waits = "failed_at IS NULL AND kind <> 'dream'" if "failed_at" in columns else "1"
        return bool(connection.execute(f"SELECT 1 FROM jobs WHERE {waits}").fetchone())


def unserved(db: Path) -> list[Any]:
    """Leave pending jobs, one of them claimed, and return the responses to READS."""
    from omoide.asgi.app import create_app
    from omoide.core import clock
    from omoide.core.settings import Settings
    from omoide.storage import queue
    from omoide.storage.sqlite.engine import Store

    os.environ.update({f"OMOIDE_{name.upper()}": value for name, value in SETTINGS.items()})
    with TestClient(create_app(Settings.model_validate({"db": db})), "http://localhost") as http:
        knows = set(http.get("/openapi.json").json()["paths"])
        enqueue(http, knows)
        answers: list[Any] = []
        for method, path, body in READS:
            answer = http.request(method, path, json=body)
            if "not found" not in answer.text.lower() or path.endswith("old/messages/list"):
                answers.append([method, path, body, answer.status_code, answer.json()])
    store = Store.open(db)
    asyncio.run(store.write(queue.claim, clock.now(), lease=1_000_000))
    store.close()
    return answers


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "omoide.db"
        served(db)
        answers = unserved(db)
        assert not Path(f"{db}-wal").exists()  # everything is in the database file
        with contextlib.closing(sqlite3.connect(db)) as connection:
            steps = [name for (name,) in connection.execute("SELECT name FROM _sqlite_migrations ORDER BY name")]
        name = f"schema_{len(steps)}"
        (HERE / f"{name}.db.gz").write_bytes(gzip.compress(db.read_bytes(), mtime=0))
        (HERE / f"{name}.json").write_text("[" + ",\n".join(map(json.dumps, answers)) + "]\n")
        print(f"{name}: {len(answers)} answers, {(HERE / f'{name}.db.gz').stat().st_size} bytes")


if __name__ == "__main__":
    main()
