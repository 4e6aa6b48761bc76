"""Interrupted imports, and invalid files."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from omoide.core import clock
from omoide.core.errors import Conflict, OmoideError
from omoide.storage import purge, workspaces
from omoide.storage.export import importer, reader, schema
from omoide.storage.export.importer import AlreadyImported, InvalidExport, import_workspace
from omoide.storage.sqlite.engine import Store
from tests import sql
from tests.read_now import read_now

UID = iter(f"{n:021d}" for n in range(10**6))
Change = Callable[[list[dict[str, Any]]], object]


def record(kind: str, **fields: Any) -> dict[str, Any]:
    owned = {"metadata": {}, "configuration": {}, "created_at": 1}
    shapes: dict[str, dict[str, Any]] = {
        "workspace": {"uid": "u" * 21, **owned},
        "peer": {"id": "alice", "uid": next(UID), "scope": False, **owned},
        "session": {"id": "s", "uid": next(UID), **owned},
        "message": {
            "id": next(UID),
            "session": "s",
            "seq": 1,
            "peer": "alice",
            "content": "hello",
            "metadata": {},
            "token_count": 1,
            "muted": False,
            "created_at": 1,
        },
        "conclusion": {
            "id": next(UID),
            "observer": "alice",
            "observed": "alice",
            "session": "s",
            "content": "alice says hello",
            "level": "explicit",
            "source_ids": None,
            "details": {},
            "times_derived": 1,
            "said_at": 1,
            "created_at": 1,
        },
        "webhook": {"id": next(UID), "url": "https://example.com", "created_at": 1},
        "job": {
            "task": "summary",
            "payload": {"session": "s", "through": 1, "kinds": ["short"], "instructions": None},
            "created_at": 1,
            "due_at": 1,
            "attempts": 0,
            "units": 1,
            "grows": False,
            "error": None,
            "failed_at": None,
        },
    }
    return {"kind": kind, **shapes[kind], **fields}


def workspace_of(messages: int) -> list[dict[str, Any]]:
    """The lines of a workspace after the header."""
    return [
        record("workspace"),
        record("peer"),
        record("session"),
        *[record("message", seq=seq, content=f"number {seq}") for seq in range(1, messages + 1)],
        record("conclusion"),
        record("webhook"),
        record("job"),
    ]


def nested(levels: int) -> Any:
    """Nested arrays with this number of levels."""
    found: Any = []
    for _ in range(levels - 1):
        found = [found]
    return found


def file_of(lines: Sequence[dict[str, Any]], **header: Any) -> list[bytes]:
    counts: dict[str, int] = {}
    for line in lines:
        counts[str(line.get("kind"))] = counts.get(str(line.get("kind")), 0) + 1
    first = {"kind": "header", "format": 1, "program": "0", "exported_at": 1, "workspace": "w", "counts": counts}
    return [json.dumps(line).encode() + b"\n" for line in ({**first, **header}, *lines)]


def with_added(line: dict[str, Any], messages: int) -> dict[str, Any]:
    """The line of an earlier format as the current one writes it."""
    added = schema._ADDED.get(line["kind"], {})
    return {**line, **(dict.fromkeys(added, messages) if line["kind"] == "session" else added)}


def bring(store: Store, lines: Iterable[bytes], **options: Any) -> None:
    given = {"name": None, "restart": False, "shown": lambda *_: None, **options}
    asyncio.run(import_workspace(store, iter(lines), **given))


def everything(store: Store) -> dict[str, list[Any]]:
    """The content of the database, without row numbers and times of jobs."""
    tables = ("workspaces", "peers", "sessions", "messages", "conclusions", "webhooks", "message_words_docsize")
    queries = {table: f"SELECT * FROM {table}" for table in tables}
    queries["jobs"] = "SELECT kind, key, payload FROM jobs ORDER BY kind"
    return read_now(store, lambda db: {name: sql.rows(db, query) for name, query in queries.items()})


class Stop(Exception):
    pass


def until_line(lines: Sequence[bytes], last: int) -> Iterator[bytes]:
    """The first `last` lines, followed by an exception."""
    yield from lines[:last]
    raise Stop


@pytest.fixture(autouse=True)
def _few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "LINES_AT_A_TIME", 4)


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[tuple[list[bytes], dict[str, list[Any]]]]:
    """A file, and the result of importing it without interruption."""
    lines = file_of(workspace_of(9))
    (tmp_path / "whole").mkdir()
    store = Store.open(tmp_path / "whole" / "omoide.db")
    bring(store, lines)
    yield lines, everything(store)
    store.close()


def test_an_import_interrupted_after_any_line_resumes_with_the_same_result(
    store: Store, whole: tuple[list[bytes], dict[str, list[Any]]]
) -> None:
    lines, wanted = whole
    for last in range(1, len(lines) + 1):
        with pytest.raises(Stop):
            bring(store, until_line(lines, last))
        assert read_now(store, workspaces.find, "w") is None, "nothing half imported is visible"
    bring(store, lines)
    found = everything(store)
    found["jobs"] = [job for job in found["jobs"] if job[0] != "purge_workspace"]
    assert found == wanted
    with pytest.raises(AlreadyImported):
        bring(store, lines)


def test_an_import_is_resumed_after_its_process_was_killed(
    db_path: Path, whole: tuple[list[bytes], dict[str, list[Any]]]
) -> None:
    lines, wanted = whole
    for shows in (1, 2, 1):
        child = os.fork()
        if child == 0:
            _import_and_die(db_path, lines, shows)
        _, status = os.waitpid(child, 0)
        assert os.WTERMSIG(status) == signal.SIGKILL
    store = Store.open(db_path)
    done: list[int] = []
    bring(store, lines, shown=lambda number, _: done.append(number))
    assert done[0] > 10, "most of it was there already"
    assert everything(store) == wanted
    store.close()


def _import_and_die(path: Path, lines: Sequence[bytes], shows: int) -> None:
    shown: list[int] = []

    def show(done: int, of: int) -> None:
        shown.append(done)
        if len(shown) == shows:
            os.kill(os.getpid(), signal.SIGKILL)

    try:
        bring(Store.open(path), lines, shown=show)
    finally:
        os._exit(1)


def test_a_different_file_cannot_resume_an_import_but_can_restart_it(store: Store) -> None:
    first, second = file_of(workspace_of(9)), file_of(workspace_of(5), exported_at=2)
    with pytest.raises(Stop):
        bring(store, until_line(first, 9))
    with pytest.raises(Conflict, match="--restart"):
        bring(store, second)
    bring(store, second, restart=True)
    assert read_now(store, sql.row, "SELECT count(*), count(DISTINCT session) FROM messages") == (
        5,
        1,
    )


@pytest.mark.parametrize("given_up", ["attempts = 1, leased_until = 9e15", "due_at = 1"])
def test_an_abandoned_import_is_purged_like_a_deleted_workspace(given_up: str, store: Store) -> None:
    lines = file_of(workspace_of(9))
    with pytest.raises(Stop):
        bring(store, until_line(lines, 9))
    (due_at, workspace) = read_now(
        store, sql.row, "SELECT due_at, payload ->> 'workspace' FROM jobs WHERE kind = 'purge_workspace'"
    )
    assert due_at > clock.now() + 6 * 86_400_000_000
    # A worker has begun to purge it when the import is resumed, so the import restarts.
    asyncio.run(store.write(sql.change, f"UPDATE jobs SET {given_up}"))
    assert asyncio.run(store.write(purge.workspace, workspace))
    bring(store, lines)
    assert read_now(store, workspaces.find, "w") is not None
    while asyncio.run(store.write(purge.workspace, workspace)):
        pass  # the worker finishes its purge
    assert read_now(store, sql.count, "messages") == 9


def test_an_import_never_changes_a_workspace_of_the_same_name(store: Store) -> None:
    bring(store, file_of([record("workspace", uid="x" * 21)]))
    with pytest.raises(Conflict, match="--as NAME"):
        bring(store, file_of(workspace_of(2)))
    bring(store, file_of(workspace_of(2)), name="v")
    assert read_now(store, sql.rows, "SELECT id FROM workspaces ORDER BY pk") == [("w",), ("v",)]


def spoilt(change: Callable[[list[dict[str, Any]]], object], **header: Any) -> list[bytes]:
    lines = workspace_of(3)
    change(lines)
    return file_of(lines, **header)


def put(number: int, **fields: Any) -> Change:
    """A change of the line with this number; the header is line 1."""
    return lambda lines: lines[number - 2].update(fields)


nothing: Change = len

FILES: dict[str, tuple[list[bytes], str]] = {
    "empty": ([], "line 1: not an Omoide export: invalid JSON"),
    "other text": ([b"hello\n"], "line 1: not an Omoide export: invalid JSON"),
    "other JSON": ([b'{"a": 1}\n'], "line 1: not an Omoide export"),
    "a list": ([b"[]\n"], "line 1: not an Omoide export: not a JSON object"),
    "a later format": (
        spoilt(nothing, format=4),
        "line 1: format 4 is not supported; this version of Omoide reads formats up to 3",
    ),
    "a wrong count in the header": (spoilt(nothing, counts={"workspace": 1}), "line 3: more lines of kind peer"),
    "unknown counts": (spoilt(nothing, counts={"cake": 1}), "line 1: counts: unknown kind of line 'cake'"),
    "a negative count": (spoilt(nothing, counts={"workspace": -1}), "line 1: counts.workspace: "),
    "a path as the name of the workspace": (spoilt(nothing, workspace="../w"), "must match pattern"),
    "no workspace": (
        file_of(workspace_of(1)[1:]),
        "line 2: the first line after the header must be the only workspace line",
    ),
    "two workspaces": (
        spoilt(lambda lines: lines.insert(1, lines[0])),
        "line 2: the first line after the header must be the only workspace line",
    ),
    "only a header": (spoilt(nothing)[:1], "line 1: unexpected end of file"),
    "cut off": (spoilt(nothing)[:-2], "line 8: unexpected end of file after 0 of 1 lines of kind webhook"),
    "cut off within a line": ([*spoilt(nothing)[:5], b'{"kind": "mess'], "line 6: invalid JSON"),
    "an unknown kind": ([*spoilt(nothing)[:4], b'{"kind": "cake"}\n'], "line 5: unknown kind of line 'cake'"),
    "an unknown field": (spoilt(put(5, colour="red")), "line 5: colour: Extra inputs are not permitted"),
    "a missing field": (spoilt(lambda lines: lines[3].pop("content")), "line 5: content: Field required"),
    "a number instead of a string": (spoilt(put(5, content=7)), "line 5: content: Input should be a valid string"),
    "a string instead of a number": (spoilt(put(5, seq="1")), "line 5: seq: Input should be a valid integer"),
    "a boolean instead of a number": (
        spoilt(put(5, token_count=True)),
        "line 5: token_count: Input should be a valid integer",
    ),
    "a number beyond the limit": (spoilt(put(5, token_count=2**70)), "line 5: token_count: "),
    "an invalid time": (spoilt(put(5, created_at=10**18)), "line 5: created_at: "),
    "an invalid id": (spoilt(put(5, id="' OR 1=1 --")), "line 5: id: String should match pattern"),
    "a NUL": (spoilt(put(5, content="a\0b")), "line 5: contains a NUL character"),
    "deeply nested arrays": (spoilt(put(5, metadata={"a": nested(100)})), "line 5: Value error, arrays and objects"),
    "deeply nested configuration": (
        spoilt(put(3, configuration={"a": nested(100)})),
        "line 3: Value error, arrays and objects",
    ),
    "deeply nested arrays with NUL": (
        spoilt(put(5, metadata={"a": nested(100), "b": "\0"})),
        "line 5: nested too deeply",
    ),
    "deeply nested metadata": (
        spoilt(put(5, metadata={"a": {"b": {"c": {"d": {"e": {}}}}}})),
        "line 5: Value error, Metadata",
    ),
    "an unknown author": (spoilt(put(5, peer="bob")), "line 5: no earlier line defines the peer 'bob'"),
    "an unknown session": (spoilt(put(5, session="t")), "line 5: no earlier line defines the session 't'"),
    "a gap": (spoilt(put(6, seq=3)), "line 6: seq: 3 follows 1 in the session 's'"),
    "the same number twice": (spoilt(put(6, seq=1)), "line 6: seq: 1 follows 1"),
    "the same peer twice": (
        spoilt(lambda lines: lines.insert(2, record("peer"))),
        "line 4: conflicts with a row in the database",
    ),
    "the same message twice": (
        spoilt(lambda lines: lines[4].update(id=lines[3]["id"])),
        "line 6: conflicts with a row in the database",
    ),
    "a peer with a path as its id": (spoilt(put(3, id="a/b")), "line 3: Peer name(s) ['a/b'] must match"),
    "a peer with the id of a scope": (
        spoilt(put(3, id="scope.x")),
        "line 3: Peer name(s) ['scope.x'] use the reserved",
    ),
    "a scope with the id of a peer": (
        spoilt(put(3, scope=True)),
        "line 3: 'alice' is not a valid id for the peer of a scope",
    ),
    "an unknown level": (spoilt(put(8, level="divine")), "line 8: level: "),
    "invalid source ids": (spoilt(put(8, source_ids=["x"])), "line 8: source_ids.0: "),
    "a webhook with an unsupported scheme": (spoilt(put(9, url="ftp://example.com")), "line 9: Value error, Only HTTP"),
    "an unknown task": (spoilt(put(10, task="purge_workspace")), "line 10: task: "),
    "a job with the payload of another kind": (spoilt(put(10, task="dream")), "line 10: type: Field required"),
    "a job for a missing message": (
        spoilt(put(10, payload={"session": "s", "through": 9, "kinds": [], "instructions": None})),
        "line 10: refers to message 9 of a session that has 3",
    ),
    "a job before other lines": (spoilt(lambda lines: lines.insert(3, lines.pop())), "line 5: jobs must come last"),
    "a line after the jobs": (
        spoilt(lambda lines: lines.append(record("peer", id="bob"))),
        "line 10: jobs must come last",
    ),
}


@pytest.mark.parametrize("what", FILES)
def test_an_invalid_file_is_refused_with_the_line_number(what: str, store: Store) -> None:
    lines, said = FILES[what]
    with pytest.raises(OmoideError) as refusal:
        bring(store, lines)
    assert said in refusal.value.detail
    assert "\n" not in refusal.value.detail
    assert read_now(store, workspaces.find, "w") is None


def test_a_corrected_file_resumes_at_the_wrong_line(store: Store) -> None:
    lines = file_of(workspace_of(9))
    wrong = [*lines[:10], lines[10].replace(b'"alice"', b'"malice"'), *lines[11:]]
    with pytest.raises(InvalidExport, match="line 11: no earlier line defines the peer 'malice'"):
        bring(store, wrong)
    bring(store, lines)
    assert read_now(store, sql.rows, "SELECT message_count FROM sessions") == [(9,)]


def test_exporting_an_import_gives_the_same_lines(store: Store) -> None:
    lines = file_of(workspace_of(9))
    bring(store, lines)
    found = read_now(store, lambda db: [*reader.lines(db, reader.find(db, "w"))])
    assert [json.loads(line) for line in found] == [with_added(json.loads(line), 9) for line in lines[1:]]
    header = read_now(store, lambda db: reader.header(db, reader.find(db, "w"), program="0", now=1))
    assert {kind: count for kind, count in header["counts"].items() if count} == json.loads(lines[0])["counts"]
    assert [*header["counts"]] == [*schema.KINDS]


def test_integers_of_any_size_are_kept(store: Store) -> None:
    kept = {"n": 2**64 + 1, "m": [-(2**70), {"k": 10**300}]}
    own = {"metadata": kept, "configuration": {"own": kept}}
    message = record("message", metadata=kept)
    lines = file_of([record("workspace", **own), record("peer", **own), record("session", **own), message])
    bring(store, lines)
    found = read_now(store, lambda db: [*reader.lines(db, reader.find(db, "w"))])
    assert [json.loads(line) for line in found] == [with_added(json.loads(line), 1) for line in lines[1:]]


def test_long_lines_are_stored_in_smaller_batches(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "BYTES_AT_A_TIME", 2_000)
    said = [record("message", seq=seq, content="x" * (1 if seq < 5 else 2_000)) for seq in range(1, 9)]
    done: list[int] = []
    bring(store, file_of([*workspace_of(0)[:3], *said]), shown=lambda number, of: done.append(number))
    assert done == [6, 9, 10, 11, 12, 12], "four short lines at a time, and none together with a preceding long one"
