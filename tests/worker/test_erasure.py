"""What is deleted or replaced is gone from all files: database, write-ahead log, and backups that are made then."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from omoide import clock
from omoide.records import Change, NewMessage
from omoide.store import Connection, Store, copying, erasure, messages, workspaces
from omoide.store.read_only import opened
from omoide.store.soundness import faults
from tests.security.in_process import Application, application
from tests.store.rows import kinds
from tests.worker.home import Home

W = "/v3/workspaces/w"
CONTENT = {
    "workspaces": {"id", "metadata", "configuration"},
    "peers": {"id", "metadata", "configuration"},
    "sessions": {"id", "metadata", "configuration"},
    "messages": {"content", "metadata"},
    "receipts": {"key"},
    "conclusions": {"content", "details"},
    "cards": {"observed", "lines", "given"},
    "summaries": {"content"},
    "webhooks": {"url"},
    "refused_texts": {"error"},
    "jobs": {"payload", "error"},
    "done": {"session", "observed", "observers"},
}
"""Table → the columns that hold what callers wrote, or what was made of it. The tests below put a canary into each."""
DERIVED = {
    "message_words": {"place", "text"},
    "conclusion_words": {"place", "text"},
    "message_vectors": {"vector"},
    "conclusion_vectors": {"vector"},
    "segments": {"rows"},
}
"""The same for what is computed from texts; that of full-text indexes is in their shadow tables."""
NO_CONTENT = {
    *(("messages", "id"), ("messages", "uid"), ("workspaces", "uid"), ("peers", "uid"), ("sessions", "uid")),
    *(("peers", "kind"), ("receipts", "digest"), ("conclusions", "id"), ("conclusions", "level")),
    *(("conclusions", "source_ids"), ("summaries", "kind"), ("summaries", "message"), ("backfills", "state")),
    *(("webhooks", "id"), ("jobs", "kind"), ("jobs", "key"), ("done", "kind"), ("segments", "source")),
    *(("refused_texts", "source"), ("embedder", "name")),
}
"""Columns that are no numbers and hold names, ids and digests that the program makes."""


class Yard:
    """An application and a worker on one database, in which a word can be looked for."""

    def __init__(self, app: Application, home: Home) -> None:
        self._app = app
        self.home = home

    def ok(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        answer = self._app.ask(method, path, json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def say(self, session: str, *contents: str, peer: str = "alice", **fields: Any) -> Any:
        batch = [{"peer_id": peer, "content": content, **fields} for content in contents]
        return self.ok("POST", f"{W}/sessions/{session}/messages", {"messages": batch}, **{"Idempotency-Key": "k"})

    def sql(self, statement: str, *params: Any) -> Any:
        def run(db: Connection) -> Any:
            return db.execute(statement, params).fetchall()

        return asyncio.run(self.home.store.write(run))

    def work(self) -> None:
        """Do every job that is there, due or not."""
        while self.sql("SELECT 1 FROM jobs WHERE failed_at IS NULL"):
            self.sql("UPDATE conclusions SET deleted_at = 0 WHERE deleted_at IS NOT NULL")
            self.sql("UPDATE jobs SET due_at = 0")
            asyncio.run(self.home.work())

    def files(self) -> dict[str, bytes]:
        """Name → content of every file beside the database, a backup that is made now included."""
        backup = self.home.store.path.with_name("backup.db")
        copying.back_up(self.home.store.path, backup, replace=True, busy_timeout=5, shown=lambda *_: None)
        return {path.name: path.read_bytes() for path in backup.parent.iterdir() if path.is_file()}

    def holding(self, *texts: str) -> set[tuple[str, str]]:
        """Which files hold any of the texts, or a word of them as the full-text index has it."""
        found = self.files()
        forms = {form for text in texts for form in (text, *stems(text))}
        return {(name, form) for name, content in found.items() for form in forms if form.encode() in content}

    def check(self) -> None:
        """Raise AssertionError unless the database is sound and has removed what it says is free."""
        for index in ("message_words", "conclusion_words"):
            self.sql(f"INSERT INTO {index} ({index}) VALUES ('integrity-check')")
        with opened(self.home.store.path, busy_timeout=5) as db:
            assert faults(db) == []


def stems(text: str) -> set[str]:
    """The words of a text as the full-text index has them."""
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE VIRTUAL TABLE t USING fts5 (text, tokenize='porter unicode61')")
        db.execute("CREATE VIRTUAL TABLE v USING fts5vocab (t, 'row')")
        db.execute("INSERT INTO t VALUES (?)", (text,))
        # A short word may be anywhere by chance.
        return {term for (term,) in db.execute("SELECT term FROM v WHERE length(term) > 7")}


@pytest.fixture
def yard(db_path: Path) -> Iterator[Yard]:
    with application(db_path) as app:
        home = Home(db_path)
        asyncio.run(home.open())
        yield Yard(app, home)
        home.store.close()


def canary(name: str) -> str:
    """A sentence of words that are nowhere else, one of which the full-text index shortens."""
    return f"Zqx{name}Vexations quibbled zqx{name}jwk"


def test_every_column_is_known_to_hold_content_or_not_to(yard: Yard) -> None:
    shadows = ("_data", "_idx", "_docsize", "_config")
    columns = set()
    for (table,) in yard.sql("SELECT name FROM sqlite_schema WHERE type = 'table'"):
        if not table.endswith(shadows) and not table.startswith(("sqlite_", "_sqlite")):
            found = yard.sql("SELECT name FROM pragma_table_info(?) WHERE type <> 'INTEGER'", table)
            columns |= {(table, column) for (column,) in found}
    known = {(table, column) for table, names in (CONTENT | DERIVED).items() for column in names}
    assert known <= columns
    assert columns - known <= NO_CONTENT, "Do these hold content? Then let the tests here delete it"


def fill(yard: Yard) -> dict[tuple[str, str], str]:
    """A canary in every column of a workspace that has content, in rows of the session `s` where it has any."""
    made = {(table, column): canary(f"{table}{column}") for table, columns in CONTENT.items() for column in columns}
    ids = {table: f"zqx{table}idname" for table in ("workspaces", "peers", "sessions")}
    made |= {(table, "id"): name for table, name in ids.items()}
    body: dict[str, Any] = {"metadata": {"k": made["sessions", "metadata"]}}
    yard.ok("POST", f"{W}/sessions", {"id": "s", **body, "peers": {"alice": {}}})
    yard.ok("POST", f"{W}/peers", {"id": "alice", "metadata": {"k": made["peers", "metadata"]}})
    yard.say("s", made["messages", "content"], metadata={"k": made["messages", "metadata"]})
    text = made["conclusions", "content"]
    body = {"conclusions": [{"content": text, "observer_id": "alice", "observed_id": "alice", "session_id": "s"}]}
    yard.ok("POST", f"{W}/conclusions", body)
    yard.work()
    yard.ok("PUT", W, {"metadata": {"k": made["workspaces", "metadata"]}})
    yard.sql("INSERT INTO summaries SELECT pk, 'short', ?, 'm', 1, 1, 1 FROM sessions", made["summaries", "content"])
    refusal = "INSERT INTO refused_texts (source, pk, error, refused_at) SELECT 'messages', min(pk), ?, 1 FROM messages"
    yard.sql(refusal, made["refused_texts", "error"])
    yard.sql("UPDATE receipts SET key = ?", made["receipts", "key"])
    yard.sql("UPDATE conclusions SET details = json_object('k', ?)", made["conclusions", "details"])
    for table in ("workspaces", "peers", "sessions"):
        yard.sql(f"UPDATE {table} SET configuration = json_object('k', ?)", made[table, "configuration"])
    names = (made["cards", "observed"], f'["{made["cards", "lines"]}"]', f'["{made["cards", "given"]}"]')
    yard.sql("INSERT INTO cards SELECT pk, ?, ?, 1, ? FROM peers", *names)
    yard.sql("INSERT INTO webhooks VALUES (1, 'webhook_of_the_canary', 1, ?, 1)", made["webhooks", "url"])
    told = f'{{"session": "s", "told": "{made["jobs", "payload"]}"}}'
    failed = "INSERT INTO jobs (kind, payload, created_at, due_at, workspace, failed_at, error) VALUES (?,?,1,1,1,1,?)"
    yard.sql(failed, "representation", told, made["jobs", "error"])
    names = (made["done", "session"], made["done", "observed"], f'["{made["done", "observers"]}"]')
    yard.sql("INSERT INTO done VALUES (1, 'dream', ?, ?, ?, 1, 1)", *names)
    return made


OF_A_SESSION = {
    *(("sessions", "metadata"), ("sessions", "configuration"), ("messages", "content"), ("messages", "metadata")),
    *(("receipts", "key"), ("conclusions", "content"), ("conclusions", "details"), ("summaries", "content")),
    *(("jobs", "payload"), ("jobs", "error"), ("refused_texts", "error")),
}


def test_nothing_of_a_deleted_session_is_left_in_any_file(yard: Yard) -> None:
    made = fill(yard)
    texts = [made[column] for column in OF_A_SESSION]
    before = {form for _, form in yard.holding(*texts)}
    assert all(text in before for text in texts)
    yard.ok("DELETE", f"{W}/sessions/s")
    yard.work()
    assert yard.holding(*texts) == set()
    yard.check()


def test_nothing_of_a_deleted_workspace_is_left_in_any_file(yard: Yard) -> None:
    made = fill(yard)
    yard.sql("UPDATE workspaces SET id = ?", made["workspaces", "id"])
    yard.sql("UPDATE sessions SET id = ?", made["sessions", "id"])
    yard.sql("UPDATE jobs SET payload = replace(payload, '\"s\"', '\"?\"')")
    url = f"/v3/workspaces/{made['workspaces', 'id']}"
    yard.ok("POST", f"{url}/sessions/{made['sessions', 'id']}/messages", says(made["peers", "id"], "x"))
    assert {*made.values()} <= {form for _, form in yard.holding(*made.values())}
    yard.ok("POST", "/v3/workspaces/other/sessions/s/messages", says("bob", "this stays zqxkeptjwk"))
    yard.ok("DELETE", f"{url}/sessions/{made['sessions', 'id']}")
    yard.ok("DELETE", url)
    yard.work()
    assert yard.holding(*made.values()) == set()
    assert yard.holding("zqxkeptjwk")
    yard.check()


def says(peer: str, content: str) -> dict[str, Any]:
    return {"messages": [{"peer_id": peer, "content": content}]}


OLD = canary("old")
REPLACEMENTS: dict[str, tuple[tuple[str, str, Any], tuple[str, str, Any]]] = {
    "metadata of a workspace": (
        ("PUT", W, {"metadata": {"k": OLD}}),
        ("PUT", W, {"metadata": {}}),
    ),
    "configuration of a workspace": (
        ("PUT", W, {"configuration": {"reasoning": {"custom_instructions": OLD}}}),
        ("PUT", W, {"configuration": {"reasoning": {"custom_instructions": "none"}}}),
    ),
    "metadata of a peer": (
        ("PUT", f"{W}/peers/alice", {"metadata": {"k": OLD}}),
        ("PUT", f"{W}/peers/alice", {"metadata": {"k": "new"}}),
    ),
    "configuration of a peer": (
        ("PUT", f"{W}/peers/alice", {"configuration": {"k": OLD}}),
        ("POST", f"{W}/peers", {"id": "alice", "configuration": {}}),
    ),
    "metadata of a session": (
        ("PUT", f"{W}/sessions/s", {"metadata": {"k": OLD}}),
        ("POST", f"{W}/sessions", {"id": "s", "metadata": {}}),
    ),
    "configuration of a session": (
        ("PUT", f"{W}/sessions/s", {"configuration": {"reasoning": {"custom_instructions": OLD}}}),
        ("PUT", f"{W}/sessions/s", {"configuration": {"reasoning": {"custom_instructions": "none"}}}),
    ),
    "metadata of a scope": (
        ("POST", f"{W}/scopes", {"id": "it", "metadata": {"k": OLD}}),
        ("POST", f"{W}/scopes", {"id": "it", "metadata": {}}),
    ),
    "a card that is replaced": (
        ("PUT", f"{W}/peers/alice/card", {"peer_card": [OLD, "kept"]}),
        ("PUT", f"{W}/peers/alice/card", {"peer_card": ["kept"]}),
    ),
    "a card that is cleared": (
        ("PUT", f"{W}/peers/alice/card?target=bob", {"peer_card": [OLD]}),
        ("PUT", f"{W}/peers/alice/card?target=bob", {"peer_card": []}),
    ),
}


@pytest.mark.parametrize("what", REPLACEMENTS)
def test_nothing_of_what_was_replaced_is_left_in_any_file(what: str, yard: Yard) -> None:
    given, replaced = REPLACEMENTS[what]
    yard.ok("POST", f"{W}/sessions/s/messages", says("alice", "hello"))
    yard.ok(*given)
    yard.work()
    assert yard.holding(OLD)
    yard.ok(*replaced)
    yard.work()
    assert yard.holding(OLD) == set()


def test_nothing_of_a_message_s_replaced_metadata_is_left_in_any_file(yard: Yard) -> None:
    [message] = yard.say("s", "hello", metadata={"k": OLD * 300})  # longer than a page of the file
    yard.ok("PUT", f"{W}/sessions/s/messages/{message['id']}", {"metadata": {"k": "new"}})
    yard.work()
    assert yard.holding(OLD) == set()


def conclude(yard: Yard, content: str, session: str | None = None) -> str:
    [made] = yard.ok(
        "POST",
        f"{W}/conclusions",
        {"conclusions": [{"content": content, "observer_id": "alice", "observed_id": "alice", "session_id": session}]},
    )
    return str(made["id"])


def test_nothing_of_a_deleted_conclusion_is_left_in_any_file(yard: Yard) -> None:
    yard.ok("POST", f"{W}/sessions/s/messages", says("alice", "hello"))
    ids = [conclude(yard, OLD), conclude(yard, "alice keeps this")]
    yard.work()
    assert yard.holding(OLD)
    yard.ok("DELETE", f"{W}/conclusions/{ids[0]}")
    yard.work()
    assert yard.holding(OLD) == set()
    yard.check()


def test_nothing_of_a_deleted_webhook_is_left_in_any_file(yard: Yard) -> None:
    yard.ok("POST", f"{W}/sessions/s/messages", says("alice", "hello"))
    made = yard.ok("POST", f"{W}/webhooks", {"url": "https://93.184.215.14/zqxhookpathjwk"})
    yard.sql("DELETE FROM jobs WHERE kind = 'deliver_webhook'")
    yard.work()
    assert yard.holding("zqxhookpathjwk")
    yard.ok("DELETE", f"{W}/webhooks/{made['id']}")
    yard.work()
    assert yard.holding("zqxhookpathjwk") == set()


def test_a_scope_that_a_session_leaves_keeps_nothing_of_it_in_any_file(yard: Yard) -> None:
    yard.ok("POST", f"{W}/sessions/s/messages", says("alice", "hello"))
    yard.ok("POST", f"{W}/scopes", {"id": "it"})
    id = conclude(yard, OLD, "s")
    yard.ok("POST", f"{W}/scopes/it/sessions", {"session_ids": ["s"]})
    yard.work()
    assert yard.sql("SELECT count(*) FROM conclusions WHERE content = ?", OLD) == [(2,)]
    yard.ok("DELETE", f"{W}/scopes/it/sessions/s")
    yard.work()
    assert yard.sql("SELECT count(*) FROM conclusions WHERE content = ?", OLD) == [(1,)]
    yard.ok("DELETE", f"{W}/conclusions/{id}")
    yard.work()
    assert yard.holding(OLD) == set()


def test_a_deleted_copy_of_a_session_leaves_nothing_and_the_session_all(yard: Yard) -> None:
    yard.say("s", OLD)
    copy = yard.ok("POST", f"{W}/sessions/s/clone")["id"]
    yard.ok("POST", f"{W}/sessions/{copy}/messages", says("alice", canary("copy")))
    yard.ok("DELETE", f"{W}/sessions/{copy}")
    yard.work()
    assert yard.holding(canary("copy")) == set()
    assert yard.holding(OLD)


def add(yard: Yard, sessions_and_words: list[tuple[str, str]]) -> None:
    """One message each, with a word that occurs nowhere else."""

    def run(db: Connection) -> None:
        for session, word in sessions_and_words:
            text = f"{word} is said, and tea with it. " * (1 + len(session) % 3 * 40)
            messages.add(db, "w", session, [NewMessage("alice", text, {"k": f"m{word}"}, 1, None)], 1, max_observers=9)

    asyncio.run(yard.home.store.write(run))


@pytest.mark.parametrize("word", ["canary{:05}", "zq{:05}runnings", "{:05}zq"])
def test_sessions_deleted_one_by_one_leave_nothing_between_those_that_stay(word: str, yard: Yard) -> None:
    said = [(f"s{n}" + "x" * (n % 3), word.format(n + 60 * turn)) for turn in range(10) for n in range(60)]
    add(yard, said)
    yard.work()
    for session in dict.fromkeys(session for session, _ in said if len(session) % 3):
        yard.ok("DELETE", f"{W}/sessions/{session}")
        asyncio.run(yard.home.work())
    yard.work()
    gone = {word for session, word in said if len(session) % 3}
    kept = [word for session, word in said if not len(session) % 3]
    any_word = re.compile(rb"(?=(%s))" % word.replace("{:05}", r"\d{5}").encode())
    found = {name: {each.decode() for each in any_word.findall(content)} for name, content in yard.files().items()}
    for name, words in found.items():
        assert words & gone == set(), name
    assert found["omoide.db"] >= {*kept}
    for each in kept[::50]:
        assert each in yard.ok("POST", f"{W}/search", {"query": each, "limit": 1})[0]["content"]
    yard.check()


def test_what_an_older_version_left_in_the_file_is_erased_after_the_next_start(db_path: Path) -> None:
    async def story() -> None:
        home = await Home(db_path).open()
        await home.say(*(f"alice {canary(f'n{n}old')}" for n in range(40)), session="gone")
        await home.say("alice this stays zqxkeptjwk", session="kept")

        def delete_as_before(db: Connection) -> None:
            db.execute("PRAGMA secure_delete=OFF").fetchall()
            said = """m.pk, 'w' || m.workspace || ' s' || m.session || ' p' || m.peer, p.id || ': ' || m.content
                FROM messages m JOIN peers p ON p.pk = m.peer WHERE m.session = 1"""
            db.execute(f"INSERT INTO message_words (message_words, rowid, place, text) SELECT 'delete', {said}")
            for table in ("messages", "stays", "members", "jobs"):
                db.execute(f"DELETE FROM {table}" + (" WHERE session = 1" if table != "jobs" else ""))
            db.execute("DELETE FROM sessions WHERE pk = 1")

        await home.store.write(delete_as_before)
        assert home.store.read(erasure.count) == 0
        await home.store.write(erasure.owe_first, clock.now())
        await home.store.write(lambda db: db.execute("UPDATE jobs SET due_at = 0").rowcount)
        await home.work()
        home.store.close()

    asyncio.run(story())
    content = db_path.read_bytes().lower()
    assert b"zqxn" not in content
    assert b"zqxkeptjwk" in content
    with opened(db_path, busy_timeout=5) as db:
        assert [line for line in faults(db) if line.startswith(("structure", "words"))] == []


@pytest.mark.parametrize("was_used", [False, True])
def test_a_start_leaves_the_job_for_a_file_that_had_content_only(was_used: bool, db_path: Path) -> None:
    store = Store.open(db_path)
    if was_used:
        asyncio.run(store.write(workspaces.get_or_create, "w", Change(metadata={"a": canary("old")}), 0))
    store.close()
    for _ in range(2):
        with application(db_path):
            pass
    with opened(db_path, busy_timeout=5) as db:
        assert kinds(db) == [erasure.JOB] * was_used
