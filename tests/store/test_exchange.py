"""Imports that are interrupted, and files that are not what they should be."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from omoide import clock
from omoide.errors import Conflict, OmoideError
from omoide.store import Store, purge, workspaces
from omoide.store.exchange import form, reading, writing
from omoide.store.exchange.writing import AlreadyThere, BadFile, import_workspace

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
    """The lines of a workspace behind the header."""
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
    """An array in an array, so many in all."""
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


def bring(store: Store, lines: Iterable[bytes], **options: Any) -> None:
    given = {"name": None, "restart": False, "shown": lambda *_: None, **options}
    asyncio.run(import_workspace(store, iter(lines), **given))


def everything(store: Store) -> dict[str, list[Any]]:
    """What is in the database, but for the numbers of jobs and when things of no workspace were done."""
    tables = ("workspaces", "peers", "sessions", "messages", "conclusions", "webhooks", "message_words_docsize")
    queries = {table: f"SELECT * FROM {table}" for table in tables}
    queries["jobs"] = "SELECT kind, key, payload FROM jobs ORDER BY kind"
    return store.read(lambda db: {name: db.execute(query).fetchall() for name, query in queries.items()})


class Stop(Exception):
    pass


def until_line(lines: Sequence[bytes], last: int) -> Iterator[bytes]:
    """The lines, until something happens behind the one of this number."""
    yield from lines[:last]
    raise Stop


@pytest.fixture(autouse=True)
def _few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "LINES_AT_A_TIME", 4)


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[tuple[list[bytes], dict[str, list[Any]]]]:
    """A file, and what an import of it comes to that nobody interrupts."""
    lines = file_of(workspace_of(9))
    (tmp_path / "whole").mkdir()
    store = Store.open(tmp_path / "whole" / "omoide.db")
    bring(store, lines)
    yield lines, everything(store)
    store.close()


def test_an_import_interrupted_behind_any_line_goes_on_and_comes_to_the_same(
    store: Store, whole: tuple[list[bytes], dict[str, list[Any]]]
) -> None:
    lines, wanted = whole
    for last in range(1, len(lines) + 1):
        with pytest.raises(Stop):
            bring(store, until_line(lines, last))
        assert store.read(workspaces.find, "w") is None, "nothing half imported is visible"
    bring(store, lines)
    found = everything(store)
    found["jobs"] = [job for job in found["jobs"] if job[0] != "purge_workspace"]
    assert found == wanted
    with pytest.raises(AlreadyThere):
        bring(store, lines)


def test_a_process_that_is_killed_between_two_writes_is_taken_up_by_the_next(
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


def test_another_file_does_not_go_on_with_an_import_unless_it_begins_anew(store: Store) -> None:
    first, second = file_of(workspace_of(9)), file_of(workspace_of(5), exported_at=2)
    with pytest.raises(Stop):
        bring(store, until_line(first, 9))
    with pytest.raises(Conflict, match="--restart"):
        bring(store, second)
    bring(store, second, restart=True)
    assert store.read(lambda db: db.execute("SELECT count(*), count(DISTINCT session) FROM messages").fetchone()) == (
        5,
        1,
    )


@pytest.mark.parametrize("given_up", ["attempts = 1, leased_until = 9e15", "due_at = 1"])
def test_an_import_that_nobody_goes_on_with_is_removed_as_a_deleted_workspace_is(given_up: str, store: Store) -> None:
    lines = file_of(workspace_of(9))
    with pytest.raises(Stop):
        bring(store, until_line(lines, 9))
    (due_at, workspace) = store.read(
        lambda db: db.execute(
            "SELECT due_at, payload ->> 'workspace' FROM jobs WHERE kind = 'purge_workspace'"
        ).fetchone()
    )
    assert due_at > clock.now() + 6 * 86_400_000_000
    # A worker has begun to remove it when the import is taken up again: then that begins anew.
    asyncio.run(store.write(lambda db: db.execute(f"UPDATE jobs SET {given_up}")))
    assert asyncio.run(store.write(purge.workspace, workspace))
    bring(store, lines)
    assert store.read(workspaces.find, "w") is not None
    while asyncio.run(store.write(purge.workspace, workspace)):
        pass  # what the worker still does about its own
    assert store.read(lambda db: db.execute("SELECT count(*) FROM messages").fetchone()) == (9,)


def test_a_workspace_of_the_same_name_is_never_touched(store: Store) -> None:
    bring(store, file_of([record("workspace", uid="x" * 21)]))
    with pytest.raises(Conflict, match="--as NAME"):
        bring(store, file_of(workspace_of(2)))
    bring(store, file_of(workspace_of(2)), name="v")
    assert store.read(lambda db: db.execute("SELECT id FROM workspaces ORDER BY pk").fetchall()) == [("w",), ("v",)]


def spoilt(change: Callable[[list[dict[str, Any]]], object], **header: Any) -> list[bytes]:
    lines = workspace_of(3)
    change(lines)
    return file_of(lines, **header)


def put(number: int, **fields: Any) -> Change:
    """A change of the line of this number, the header being 1."""
    return lambda lines: lines[number - 2].update(fields)


nothing: Change = len

FILES: dict[str, tuple[list[bytes], str]] = {
    "empty": ([], "line 1: this is no JSON"),
    "other text": ([b"hello\n"], "line 1: this is no JSON"),
    "other JSON": ([b'{"a": 1}\n'], "line 1: this is no workspace that Omoide exported"),
    "a list": ([b"[]\n"], "line 1: this is no JSON object"),
    "a later format": (
        spoilt(nothing, format=3),
        "line 1: it has format 3; this version of Omoide reads formats up to 2",
    ),
    "a header that lies": (spoilt(nothing, counts={"workspace": 1}), "line 3: there are more lines of the kind peer"),
    "unknown counts": (spoilt(nothing, counts={"cake": 1}), "line 1: counts: there are no lines of the kind 'cake'"),
    "a negative count": (spoilt(nothing, counts={"workspace": -1}), "line 1: counts.workspace: "),
    "a name out of the house": (spoilt(nothing, workspace="../w"), "must match pattern"),
    "no workspace": (file_of(workspace_of(1)[1:]), "line 2: the workspace itself comes first, once"),
    "two workspaces": (spoilt(lambda lines: lines.insert(1, lines[0])), "line 2: the workspace itself comes first"),
    "only a header": (spoilt(nothing)[:1], "line 1: the file ends here"),
    "cut off": (spoilt(nothing)[:-2], "line 8: the file ends here, with 0 of 1 lines of the kind webhook"),
    "cut off within a line": ([*spoilt(nothing)[:5], b'{"kind": "mess'], "line 6: this is no JSON"),
    "an unknown kind": ([*spoilt(nothing)[:4], b'{"kind": "cake"}\n'], "line 5: there are no lines of the kind 'cake'"),
    "an unknown field": (spoilt(put(5, colour="red")), "line 5: colour: Extra inputs are not permitted"),
    "a missing field": (spoilt(lambda lines: lines[3].pop("content")), "line 5: content: Field required"),
    "a number for a text": (spoilt(put(5, content=7)), "line 5: content: Input should be a valid string"),
    "a text for a number": (spoilt(put(5, seq="1")), "line 5: seq: Input should be a valid integer"),
    "a truth for a number": (spoilt(put(5, token_count=True)), "line 5: token_count: Input should be a valid integer"),
    "a number beyond all": (spoilt(put(5, token_count=2**70)), "line 5: token_count: "),
    "a time that is none": (spoilt(put(5, created_at=10**18)), "line 5: created_at: "),
    "an id that is none": (spoilt(put(5, id="' OR 1=1 --")), "line 5: id: String should match pattern"),
    "a NUL": (spoilt(put(5, content="a\0b")), "line 5: it holds a NUL character"),
    "deep arrays": (spoilt(put(5, metadata={"a": nested(100)})), "line 5: Value error, arrays and objects"),
    "deep configuration": (spoilt(put(3, configuration={"a": nested(100)})), "line 3: Value error, arrays and objects"),
    "deep arrays with NUL": (spoilt(put(5, metadata={"a": nested(100), "b": "\0"})), "line 5: it is nested too deeply"),
    "deep metadata": (spoilt(put(5, metadata={"a": {"b": {"c": {"d": {"e": {}}}}}})), "line 5: Value error, Metadata"),
    "an unknown author": (spoilt(put(5, peer="bob")), "line 5: there is no line of a peer 'bob' before"),
    "an unknown session": (spoilt(put(5, session="t")), "line 5: there is no line of a session 't' before"),
    "a gap": (spoilt(put(6, seq=3)), "line 6: seq: 3 comes after 1 in the session 's'"),
    "the same number twice": (spoilt(put(6, seq=1)), "line 6: seq: 1 comes after 1"),
    "the same peer twice": (
        spoilt(lambda lines: lines.insert(2, record("peer"))),
        "line 4: something like it is in the database already",
    ),
    "the same message twice": (
        spoilt(lambda lines: lines[4].update(id=lines[3]["id"])),
        "line 6: something like it is in the database already",
    ),
    "a peer with a path for a name": (spoilt(put(3, id="a/b")), "line 3: Peer name(s) ['a/b'] must match"),
    "a peer called as a scope": (spoilt(put(3, id="scope.x")), "line 3: Peer name(s) ['scope.x'] use the reserved"),
    "a scope called as a peer": (spoilt(put(3, scope=True)), "line 3: 'alice' is no name for the peer of a scope"),
    "an unknown level": (spoilt(put(8, level="divine")), "line 8: level: "),
    "sources that are no ids": (spoilt(put(8, source_ids=["x"])), "line 8: source_ids.0: "),
    "a hook for another scheme": (spoilt(put(9, url="ftp://example.com")), "line 9: Value error, Only HTTP"),
    "an unknown task": (spoilt(put(10, task="purge_workspace")), "line 10: task: "),
    "work of another kind": (spoilt(put(10, task="dream")), "line 10: type: Field required"),
    "work beyond the end": (
        spoilt(put(10, payload={"session": "s", "through": 9, "kinds": [], "instructions": None})),
        "line 10: it tells of the message 9 of a session that has 3",
    ),
    "work before its time": (spoilt(lambda lines: lines.insert(3, lines.pop())), "line 5: jobs come last"),
    "something behind the work": (
        spoilt(lambda lines: lines.append(record("peer", id="bob"))),
        "line 10: jobs come last",
    ),
}


@pytest.mark.parametrize("what", FILES)
def test_a_file_that_is_not_right_is_refused_by_its_line_and_nothing_is_seen(what: str, store: Store) -> None:
    lines, said = FILES[what]
    with pytest.raises(OmoideError) as refusal:
        bring(store, lines)
    assert said in refusal.value.detail
    assert "\n" not in refusal.value.detail
    assert store.read(workspaces.find, "w") is None


def test_a_file_that_was_mended_is_taken_up_where_it_was_wrong(store: Store) -> None:
    lines = file_of(workspace_of(9))
    wrong = [*lines[:10], lines[10].replace(b'"alice"', b'"malice"'), *lines[11:]]
    with pytest.raises(BadFile, match="line 11: there is no line of a peer 'malice' before"):
        bring(store, wrong)
    bring(store, lines)
    assert store.read(lambda db: db.execute("SELECT message_count FROM sessions").fetchall()) == [(9,)]


def test_what_is_read_back_is_what_was_written(store: Store) -> None:
    lines = file_of(workspace_of(9))
    bring(store, lines)
    found = store.read(lambda db: [*reading.lines(db, reading.find(db, "w"))])
    assert [json.loads(line) for line in found] == [json.loads(line) for line in lines[1:]]
    header = store.read(lambda db: reading.header(db, reading.find(db, "w"), program="0", now=1))
    assert {kind: count for kind, count in header["counts"].items() if count} == json.loads(lines[0])["counts"]
    assert [*header["counts"]] == [*form.KINDS]


def test_integers_of_any_size_are_kept(store: Store) -> None:
    kept = {"n": 2**64 + 1, "m": [-(2**70), {"k": 10**300}]}
    own = {"metadata": kept, "configuration": {"own": kept}}
    message = record("message", metadata=kept)
    lines = file_of([record("workspace", **own), record("peer", **own), record("session", **own), message])
    bring(store, lines)
    found = store.read(lambda db: [*reading.lines(db, reading.find(db, "w"))])
    assert [json.loads(line) for line in found] == [json.loads(line) for line in lines[1:]]


def test_long_lines_are_stored_with_fewer_others(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "BYTES_AT_A_TIME", 2_000)
    said = [record("message", seq=seq, content="x" * (1 if seq < 5 else 2_000)) for seq in range(1, 9)]
    done: list[int] = []
    bring(store, file_of([*workspace_of(0)[:3], *said]), shown=lambda number, of: done.append(number))
    assert done == [6, 9, 10, 11, 12, 12], "four short lines at a time, and none beside a long one that came before"
