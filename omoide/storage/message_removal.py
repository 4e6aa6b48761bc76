"""Remove messages of a session that stays, with what the session stores about them.

Their positions are not given again: `sessions.removed` counts them. Summaries that cover them are removed, and made
again by jobs if enough messages remain. Running jobs that may have read the messages start again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from omoide.core import config_resolution
from omoide.core.clock import FIRST
from omoide.core.config_resolution import Defaults
from omoide.core.job_payloads import InvalidPayload, JobKind, SummaryPayload, WorkUnit
from omoide.core.jobs import NewJob
from omoide.storage import purge, queue, rows, summaries
from omoide.storage.base import Transaction
from omoide.storage.dialect import array, in_array, json_or_null
from omoide.storage.engine import secure_delete
from omoide.storage.large_values import settings_in

_OF_SESSION = f"workspace = ? AND kind = ? AND CAST({json_or_null('payload')} ->> 'session_pk' AS BIGINT) = ?"


@dataclass(frozen=True, slots=True)
class Removal:
    """Messages of one session, by rows: workspace and session, then position, author and row of each message."""

    workspace: int
    session: int
    messages: Sequence[tuple[int, int, int]]

    @property
    def positions(self) -> list[int]:
        return [seq for seq, _, _ in self.messages]


def remove(db: Transaction, removal: Removal, now: int, defaults: Defaults) -> None:
    """Remove the messages, and what the session stores about them. Conclusions must be dealt with before."""
    _leave_units(db, removal, now)
    _interrupt(db, removal, JobKind.SUMMARY, now)
    remove_rows(db, removal)
    renew_summaries(db, removal.workspace, removal.session, min(removal.positions), now, defaults)
    secure_delete.enqueue(db, now)


@secure_delete.overwriting
def remove_rows(db: Transaction, removal: Removal) -> None:
    """Remove the rows of the messages, and count them as removed."""
    session, positions = removal.session, array(removal.positions)
    purge.messages(db, [pk for _, _, pk in removal.messages])
    db.execute(f"DELETE FROM said_order WHERE session = ? AND seq {in_array('bigint')}", (session, positions))
    db.execute(
        """UPDATE sessions SET removed = removed + ?, last_said_at = CASE WHEN last_said_at IS NULL THEN NULL
               ELSE coalesce((SELECT m.created_at FROM messages m WHERE m.session = sessions.pk
                   ORDER BY m.seq DESC LIMIT 1), ?) END
           WHERE pk = ?""",
        (len(removal.messages), FIRST, session),
    )
    db.execute(
        """DELETE FROM receipts WHERE session = ? AND NOT EXISTS (SELECT 1 FROM messages m
               WHERE m.session = receipts.session
               AND m.seq BETWEEN receipts.first_seq AND receipts.first_seq + receipts.count - 1)""",
        (session,),
    )


def _leave_units(db: Transaction, removal: Removal, now: int) -> None:
    """Take the messages out of the units of reasoning work that wait for them, and restart those that run."""
    for pk, payload, units, is_running in _jobs(db, removal, JobKind.REPRESENTATION):
        try:
            unit = WorkUnit.from_json(payload)
        except InvalidPayload:
            continue
        # The message before a unit is read with it.
        near = [(seq, author) for seq, author, _ in removal.messages if unit.first - 1 <= seq <= unit.through]
        own = sum(author == unit.observed_pk and seq >= unit.first for seq, author in near)
        if own >= units:
            db.execute("DELETE FROM jobs WHERE pk = ?", (pk,))
        elif near:
            db.execute("UPDATE jobs SET units = ? WHERE pk = ?", (units - own, pk))
            if is_running:
                _restart(db, pk, now)


def _interrupt(db: Transaction, removal: Removal, kind: JobKind, now: int) -> None:
    for pk, _, _, is_running in _jobs(db, removal, kind):
        if is_running:
            _restart(db, pk, now)


def _restart(db: Transaction, pk: int, now: int) -> None:
    """Take the job from its worker, which stores nothing then."""
    db.execute("UPDATE jobs SET leased_until = NULL, due_at = ? WHERE pk = ?", (now, pk))


def _jobs(db: Transaction, removal: Removal, kind: JobKind) -> list[tuple[int, object, int, bool]]:
    """Row, payload, units of the session's jobs of a kind, and whether they are running."""
    found = db.execute(
        f"SELECT pk, payload, units, leased_until IS NOT NULL FROM jobs WHERE {_OF_SESSION} ORDER BY pk",
        (removal.workspace, kind, removal.session),
    ).fetchall()
    return [
        (pk, orjson.loads(text), *rows.mended(["jobs.units"], (units,)), bool(runs)) for pk, text, units, runs in found
    ]


def renew_summaries(db: Transaction, workspace: int, session: int, first: int, now: int, defaults: Defaults) -> None:
    """Remove the summaries that cover the position `first`, and enqueue new ones of as many positions."""
    covering = db.execute("SELECT kind, seq FROM summaries WHERE session = ? AND seq >= ?", (session, first)).fetchall()
    if not covering:
        return
    db.executemany("DELETE FROM summaries WHERE session = ? AND kind = ?", [(session, kind) for kind, _ in covering])
    session_id, resolved = _configuration(db, session, defaults)
    if not resolved.summary_enabled:
        return
    fewest = {"short": summaries.FEWEST_MESSAGES, "long": resolved.messages_per_long_summary}
    names = {summaries.SHORT: "short", summaries.LONG: "long"}
    for kind, through in covering:
        (count,) = db.execute(
            """SELECT count(*) FROM messages m JOIN peers p ON p.pk = m.peer AND p.kind <> 'deleted'
               WHERE m.session = ? AND m.seq <= ?""",
            (session, through),
        ).fetchone()
        if (name := names.get(kind)) and count >= fewest[name]:
            payload = SummaryPayload(session_id, session, through, [name], resolved.summary_instructions)
            queue.add(db, NewJob(JobKind.SUMMARY, payload.to_json(), key=str(session), workspace=workspace), now)


def _configuration(db: Transaction, session: int, defaults: Defaults) -> tuple[str, config_resolution.ResolvedConfig]:
    """The id of the session and its effective configuration."""
    row = db.execute(
        f"""SELECT s.id, {settings_in("w.configuration")}, {settings_in("s.configuration")}
            FROM sessions s JOIN workspaces w ON w.pk = s.workspace WHERE s.pk = ?""",
        (session,),
    ).fetchone()
    id, of_workspace, of_session = rows.mended(
        ["sessions.id", "workspaces.configuration", "sessions.configuration"], row
    )
    return id, config_resolution.resolve(rows.from_text(of_workspace), rows.from_text(of_session), None, defaults)
