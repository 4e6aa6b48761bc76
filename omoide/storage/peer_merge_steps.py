"""Steps of a merge of peers: each moves some rows from the old peer to the other, in one transaction.

A conclusion about the peer that begins with the old id begins with the other's afterwards, so that what both said about
themselves can be compared. Of equal conclusions one stays current; the others are kept as merged with it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson

from omoide.core.job_payloads import JobKind
from omoide.core.records import Json
from omoide.storage import conclusion_upsert, peer_aliases, peer_merge, queue, rows
from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.conclusion_links import IS_CURRENT
from omoide.storage.content_hash import content_hash
from omoide.storage.dialect import array, greatest, in_array
from omoide.storage.engine import fulltext
from omoide.storage.peer_merge import MergePlan

Pair = tuple[int, int]

ROWS_AT_A_TIME = 50
CHARACTERS_AT_A_TIME = 25_000
"""Moving this much in the full-text index takes some tens of milliseconds, during which other writes wait."""


class MovedConclusion(NamedTuple):
    """A conclusion as it is now. `is_current` is false if it had ended, or was merged with an equal one."""

    pk: int
    pair: Pair
    digest: int
    is_current: bool


def conclusions(db: Transaction, of: MergePlan, now: int) -> list[MovedConclusion]:
    """Move some conclusions by or about the old peer, whatever their state; returns them."""
    found = db.execute(
        f"""SELECT c.pk, c.observer, c.observed, c.content, c.level, {IS_CURRENT}, c.id FROM conclusions c
           WHERE c.pk IN (SELECT pk FROM conclusions WHERE observer = ? OR observed = ?
           ORDER BY pk LIMIT {ROWS_AT_A_TIME}) ORDER BY c.pk""",
        (of.old, of.old),
    ).fetchall()
    fulltext.remove_conclusions(db, [row[0] for row in found])
    moved = [_moved(db, of, row, now) for row in found]
    for each in moved:
        fulltext.add_conclusion(db, each.pk)
    return moved


def _moved(db: Transaction, of: MergePlan, row: rows.Row, now: int) -> MovedConclusion:
    pk, observer, observed, stored, level, is_current, _ = row
    content = renamed(as_text(stored), of) if observed == of.old else as_text(stored)
    pair = (_owner(of, observer), _owner(of, observed))
    digest = content_hash(content)
    db.execute(
        "UPDATE conclusions SET observer = ?, observed = ?, content = ?, same = ? WHERE pk = ?",
        (*pair, content, digest, pk),
    )
    db.execute("UPDATE conclusion_topics SET observer = ?, observed = ? WHERE conclusion = ?", (*pair, pk))
    if is_current and (twin := _twin(db, pair, digest, level, pk)):
        _merge(db, pair, pk, twin, now)
        is_current = False
    return MovedConclusion(pk, pair, digest, bool(is_current))


def renamed(content: str, of: MergePlan) -> str:
    """The text of a conclusion about the old peer, as one about the other. Pure."""
    rest = content[len(of.old_id) :]
    return of.into_id + rest if content.startswith(of.old_id) and rest[:1] in (" ", "'", "’", ",") else content


def _owner(of: MergePlan, peer: int) -> int:
    return of.into if peer == of.old else peer


def _twin(db: Transaction, pair: Pair, digest: int, level: str, pk: int) -> tuple[int, str] | None:
    """Row and id of the pair's first other current conclusion with the same text and level."""
    return db.execute(  # type: ignore[no-any-return]
        f"""SELECT c.pk, c.id FROM conclusions c WHERE c.observer = ? AND c.observed = ? AND c.same = ? AND c.level = ?
           AND {IS_CURRENT} AND c.pk <> ? ORDER BY c.pk LIMIT 1""",
        (*pair, digest, level, pk),
    ).fetchone()


def _merge(db: Transaction, pair: Pair, pk: int, twin: tuple[int, str], now: int) -> None:
    """End a conclusion as merged with its twin, which counts for both."""
    row = db.execute("SELECT times_derived, said_at FROM conclusions WHERE pk = ?", (pk,)).fetchone()
    times, said_at = rows.mended(["conclusions.times_derived", "conclusions.said_at"], row)
    db.execute(
        f"""UPDATE conclusions SET times_derived = times_derived + ?, said_at = {greatest("said_at", "?")}
           WHERE pk = ?""",
        (times, said_at, twin[0]),
    )
    conclusion_upsert.replace(db, pair, pk, [twin[1]], now)


def next_messages(db: Transaction, of: MergePlan, session: int, position: int) -> list[tuple[int, int, int, int]]:
    """Row, session, position and length of the next messages of the old peer after a position in a session."""
    found: list[tuple[int, int, int, int]] = []
    memberships = "SELECT session FROM members WHERE peer = ? AND session >= ? ORDER BY session"
    with contextlib.closing(db.execute(memberships, (of.into, session))) as sessions:
        for (each,) in sessions:
            # One session at a time, so that none is sorted for each step.
            found += db.execute(
                """SELECT pk, session, seq, length(content) FROM messages WHERE session = ? AND seq > ? AND peer = ?
                   ORDER BY seq LIMIT ?""",
                (each, position if each == session else 0, of.old, ROWS_AT_A_TIME - len(found)),
            ).fetchall()
            if len(found) == ROWS_AT_A_TIME:
                break
    return found


def lost_messages(db: Transaction, of: MergePlan) -> list[tuple[int, int, int, int]]:
    """As `next_messages`, for messages in sessions of which their author is not a member. Reads all of the workspace's
    messages."""
    return db.execute(
        f"""SELECT pk, session, seq, length(content) FROM messages WHERE workspace = ? AND peer = ?
           LIMIT {ROWS_AT_A_TIME}""",
        (of.workspace, of.old),
    ).fetchall()


def messages(db: Transaction, of: MergePlan, found: Sequence[tuple[int, int, int, int]]) -> int:
    """Move the first of these messages, as many as one step may; returns their number."""
    some = [row[0] for row in _first(found)]
    fulltext.remove_messages(db, some)
    db.execute(
        f"UPDATE messages SET peer = ? WHERE peer = ? AND pk {in_array('bigint')}", (of.into, of.old, array(some))
    )
    fulltext.add_some_messages(db, some)
    return len(some)


def _first(found: Sequence[tuple[int, int, int, int]]) -> Iterable[tuple[int, int, int, int]]:
    characters = 0
    for number, row in enumerate(found):
        characters += row[3] or 0
        if number and characters > CHARACTERS_AT_A_TIME:
            return
        yield row


def is_awaited(db: Transaction, of: MergePlan, now: int) -> bool:
    """Whether messages of the old peer, or that it observed, still wait to be reasoned about; makes these jobs due."""
    waiting = [key for _, _, key, is_failed in _units(db, of) if not is_failed]
    for key in waiting:
        queue.expedite(db, JobKind.REPRESENTATION, key, now)
    return bool(waiting)


def _units(db: Transaction, of: MergePlan) -> list[tuple[int, Json, str, bool]]:
    """Row, payload and key of the units of work that name the old peer, and whether they failed for good."""
    found = db.execute(
        "SELECT pk, payload, key, failed_at IS NOT NULL FROM jobs WHERE workspace = ? AND kind = ?",
        (of.workspace, JobKind.REPRESENTATION),
    ).fetchall()
    parsed = [(pk, queue.parse_payload(text), key, bool(failed)) for pk, text, key, failed in found]
    return [
        (pk, payload, as_text(key), failed)
        for pk, payload, key, failed in parsed
        if payload and (payload.get("observed_pk") == of.old or of.old in (payload.get("observer_pks") or ()))
    ]


def finish(db: Transaction, of: MergePlan, now: int) -> bool:
    """Remove the old peer; False if there is more to move, because work that had begun added it."""
    peer_merge.move_small(db, of, now)
    left = "SELECT 1 FROM conclusions WHERE observer = ? OR observed = ? LIMIT 1"
    if is_awaited(db, of, now) or db.execute(left, (of.old, of.old)).fetchone():
        return False
    for pk, payload, _, _ in _units(db, of):
        _rename_unit(db, of, pk, payload)
    db.execute("DELETE FROM peers WHERE pk = ?", (of.old,))
    peer_aliases.finish(db, of.workspace, of.old_id, now)
    return True


def _rename_unit(db: Transaction, of: MergePlan, pk: int, payload: Json) -> None:
    """Make a unit that failed for good one of the other peer, in case that it is retried."""
    observed = _owner(of, payload["observed_pk"])
    learning = dict(zip(payload.get("observer_pks", ()), payload.get("observers", ()), strict=False))
    if of.old in learning:
        learning = {_owner(of, peer): of.into_id if peer == of.old else id for peer, id in learning.items()}
    changed = {
        **payload,
        "observed_pk": observed,
        "observed": of.into_id if observed == of.into else payload.get("observed"),
        "observer_pks": [*learning],
        "observers": [*learning.values()],
    }
    key = f"{payload.get('session_pk')}:{observed}"
    db.execute("UPDATE jobs SET payload = ?, key = ? WHERE pk = ?", (orjson.dumps(changed).decode(), key, pk))
