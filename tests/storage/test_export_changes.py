"""Export and import of what tells how memory changed: ended conclusions, links, topics and offsets."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from omoide.core.config_resolution import defaults_of
from omoide.core.job_payloads import DreamPayload
from omoide.core.settings import Settings
from omoide.storage import conclusions, deletion_cascade, dream_jobs, peer_deletion
from omoide.storage.export import reader
from omoide.storage.export.importer import InvalidExport
from omoide.storage.sqlite import read_only
from omoide.storage.sqlite.engine import Connection, Store
from omoide.storage.sqlite.integrity import full_check
from tests import sql
from tests.read_now import read_now
from tests.storage.test_export import bring, file_of, record


def changed_workspace() -> list[dict[str, Any]]:
    """Lines of format 3: an ended conclusion and its successor, with their messages and topics."""
    said = [record("message", seq=seq, utc_offset=offset) for seq, offset in ((1, -480), (2, None), (3, 0))]
    holds: dict[str, Any] = {"valid_from": -5, "valid_until": None, "ended_at": None, "ended_as": None}
    new = record("conclusion", content="alice lives in Rome", **holds, successor=None)
    ended: dict[str, Any] = {"valid_until": 7, "ended_at": 9, "ended_as": "superseded", "successor": new["id"]}
    old = record("conclusion", **{**holds, **ended}, details={"origin": "o" * 21, "message_ids": [said[0]["id"]]})
    links = [(old, said[0]), (old, said[1]), (new, said[2])]
    return [
        record("workspace"),
        record("peer"),
        record("session", message_count=3),
        *said,
        old,
        new,
        *({"kind": "link", "conclusion": one["id"], "message": message["id"]} for one, message in links),
        *({"kind": "topic", "observer": "alice", "observed": "alice", "topic": topic, "conclusion": old["id"]}
          for topic in (-(2**63), 5, 2**63 - 1)),
    ]  # fmt: skip


def test_ended_conclusions_links_topics_and_offsets_survive_byte_by_byte(store: Store) -> None:
    lines = file_of(changed_workspace(), format=3)
    bring(store, lines)
    found = read_now(store, lambda db: [*reader.lines(db, reader.find(db, "w"))])
    assert found == [orjson.dumps(json.loads(line)) + b"\n" for line in lines[1:]]
    assert [each.content for each in read_now(store, conclusions.oldest, "w", (1, 1), None, 9)] == [
        "alice lives in Rome"
    ]
    bring(store, lines, name="copy")
    successors = "SELECT count(DISTINCT s.id) FROM conclusions c JOIN conclusions s ON s.id = c.successor"
    assert read_now(store, sql.value, successors) == 2, "each ended conclusion has the successor of its own workspace"


def test_deleted_messages_leave_gaps(store: Store) -> None:
    lines = changed_workspace()
    lines[2]["message_count"] = 9
    lines[4]["seq"], lines[5]["seq"] = 4, 7
    bring(store, file_of(lines, format=3))
    found = read_now(store, lambda db: [*reader.lines(db, reader.find(db, "w"))])
    assert [json.loads(line) for line in found] == lines
    assert read_now(store, sql.rows, "SELECT message_count, removed FROM sessions") == [(9, 6)]


def test_an_earlier_file_gives_links_and_a_job_for_topics(store: Store) -> None:
    message, plain = record("message"), [record(kind) for kind in ("workspace", "peer", "session")]
    details = {"message_ids": [message["id"], "m" * 21]}
    bring(store, file_of([*plain, message, record("conclusion", details=details)], format=2))
    assert read_now(store, sql.rows, "SELECT message, conclusion FROM conclusion_messages") == [(1, 1)]
    assert read_now(store, sql.rows, "SELECT payload FROM jobs WHERE kind = 'fill_topics'") == [
        ('{"after":0,"through":1}',)
    ]


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"ended_at": 9}, "ended_at and ended_as: either both are null or neither"),
        ({"ended_as": "invalid"}, "ended_at and ended_as: either both are null or neither"),
        ({"successor": "s" * 21}, "successor: the conclusion has not ended"),
        ({"ended_at": 9, "ended_as": "gone"}, "ended_as: Input should be 'superseded', 'invalid' or 'merged'"),
        ({"valid_from": "now"}, "valid_from: Input should be a valid integer"),
    ],
)
def test_a_conclusion_that_contradicts_itself_is_refused(change: dict[str, Any], refusal: str, store: Store) -> None:
    lines = changed_workspace()
    lines[7] |= change
    with pytest.raises(InvalidExport, match=re.escape(f"line 9: {refusal}")):
        bring(store, file_of(lines, format=3))


@pytest.mark.parametrize("field", ["conclusion", "message"])
def test_a_link_to_an_unknown_row_is_refused(field: str, store: Store) -> None:
    lines = changed_workspace()
    lines[8][field] = "x" * 21
    with pytest.raises(InvalidExport, match=f"line 10: no earlier line defines the {field}"):
        bring(store, file_of(lines, format=3))


DELETIONS: dict[str, Callable[[Connection], None]] = {
    "peer": lambda db: peer_deletion.delete(db, "w", "alice", 1, defaults=defaults_of(Settings.model_validate({}))),
    "session": lambda db: deletion_cascade.delete_session(db, "w", "s", 1),
}


@pytest.mark.parametrize("gone", DELETIONS)
def test_what_is_deleted_but_not_removed_yet_is_referred_to_nowhere(gone: str, store: Store) -> None:
    lines = changed_workspace()
    lines[2:2] = [record("peer", id="bob")]
    bring(store, file_of(lines, format=3))
    dream = DreamPayload("bob", "alice", None, "omni")
    asyncio.run(store.write(dream_jobs.add, 1, (2, 1), dream, 0, 0))
    asyncio.run(store.write(DELETIONS[gone]))

    def exported(db: Connection) -> list[bytes]:
        workspace = reader.find(db, "w")
        return [orjson.dumps(reader.header(db, workspace, program="0", now=1)), *reader.lines(db, workspace)]

    bring(store, read_now(store, exported), name="copy")
    with read_only.opened(store.path, busy_timeout=5) as db:
        assert full_check.faults(db) == []
