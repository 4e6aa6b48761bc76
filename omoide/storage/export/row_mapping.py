"""Insert the lines of an exported workspace as rows.

Ids are kept, except if the exported workspace is in the same database: then each id is replaced by one derived from it,
so that both workspaces can coexist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import orjson
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.core import identifiers
from omoide.core.clock import derived_id
from omoide.core.errors import OmoideError
from omoide.core.json_limits import cleaned, validate_metadata
from omoide.core.records import Json
from omoide.core.webhook_protocol import check_url
from omoide.storage import (
    conclusions,
    dream_jobs,
    event_time_order,
    membership_intervals,
    rows,
    scope_backfill,
    scope_copies,
)
from omoide.storage.base import Transaction
from omoide.storage.export import schema
from omoide.storage.export.schema import InvalidLine
from omoide.storage.sqlite import fulltext

MOST_KEPT_IN_MIND = 100_000
"""Limit of each of the caches of peer and session rows."""


class Rows:
    """Insert lines into one workspace (its row). `salt` derives new ids from those in the file; None keeps them.

    Call `add` within a transaction, and `index` before its commit.
    """

    def __init__(self, workspace: int, salt: str | None) -> None:
        self.workspace = workspace
        self.salt = salt
        self._peers: dict[str, tuple[int, bool]] = {}
        self._sessions: dict[str, int] = {}
        self._said: dict[int, tuple[int, int]] = {}
        self._makers: Mapping[str, Callable[[Transaction, Any], None]] = {
            "peer": self._peer,
            "session": self._session,
            "member": self._member,
            "message": self._message,
            "stay": self._stay,
            "receipt": self._receipt,
            "conclusion": self._conclusion,
            "card": self._card,
            "summary": self._summary,
            "dream": self._dream,
            "backfill": self._backfill,
            "webhook": self._webhook,
            "job": self._job,
        }

    def add(self, db: Transaction, line: schema.Line) -> None:
        """Insert the row of a line. Raises InvalidLine if it contradicts existing rows."""
        if line["kind"] not in self._makers:
            raise InvalidLine(f"duplicate {line['kind']} line")
        try:
            self._makers[line["kind"]](db, line)
        except OmoideError as error:
            raise InvalidLine(error.detail) from error
        except sqlite3.IntegrityError as error:
            raise InvalidLine(f"conflicts with a row in the database: {error}") from error

    def index(self, db: Transaction) -> None:
        """Index the added messages for full-text search, and update the message counts."""
        for session, (first, last) in self._said.items():
            db.execute("UPDATE sessions SET message_count = ? WHERE pk = ?", (last, session))
            fulltext.add_messages(db, session, first, last)
            event_time_order.note(db, session, first)
        self._said.clear()

    def id(self, given: str) -> str:
        return given if self.salt is None else derived_id(given, self.salt)

    def _owner(self, db: Transaction, peer_id: str) -> tuple[int, bool]:
        if peer_id not in self._peers:
            row = db.execute(
                "SELECT pk, kind = 'scope' FROM peers WHERE workspace = ? AND id = ?", (self.workspace, peer_id)
            ).fetchone()
            if row is None:
                raise InvalidLine(f"no earlier line defines the peer {identifiers.truncate(peer_id)!r}")
            if len(self._peers) >= MOST_KEPT_IN_MIND:
                self._peers.clear()
            self._peers[peer_id] = row[0], bool(row[1])
        return self._peers[peer_id]

    def _any_peer(self, db: Transaction, peer_id: str) -> int:
        return self._owner(db, peer_id)[0]

    def _person(self, db: Transaction, peer_id: str) -> int:
        pk, is_scope = self._owner(db, peer_id)
        if is_scope:
            raise InvalidLine(
                f"{identifiers.truncate(peer_id)!r} is the hidden peer of a scope and cannot be used here"
            )
        return pk

    def _scope(self, db: Transaction, peer_id: str) -> int:
        pk, is_scope = self._owner(db, peer_id)
        if not is_scope:
            raise InvalidLine(f"{identifiers.truncate(peer_id)!r} is not a scope")
        return pk

    def _in_session(self, db: Transaction, session_id: str) -> int:
        if session_id not in self._sessions:
            row = db.execute(
                "SELECT pk FROM sessions WHERE workspace = ? AND id = ? AND deleted_at IS NULL",
                (self.workspace, session_id),
            ).fetchone()
            if row is None:
                raise InvalidLine(f"no earlier line defines the session {identifiers.truncate(session_id)!r}")
            if len(self._sessions) >= MOST_KEPT_IN_MIND:
                self._sessions.clear()
            self._sessions[session_id] = row[0]
        return self._sessions[session_id]

    def _owned(self, line: schema.PeerLine | schema.SessionLine) -> tuple[Any, ...]:
        metadata = rows.to_text(validate_metadata(line["metadata"], "metadata"))
        configuration = rows.to_text(cleaned(line["configuration"], "configuration"))
        return self.id(line["uid"]), metadata, configuration, line["created_at"]

    def _peer(self, db: Transaction, line: schema.PeerLine) -> None:
        if not line["scope"]:
            identifiers.check_peer_names([line["id"]])
        elif not identifiers.is_scope_peer(line["id"]) or identifiers.scope_name_error(
            identifiers.scope_of_peer(line["id"])
        ):
            raise InvalidLine(f"{identifiers.truncate(line['id'])!r} is not a valid id for the peer of a scope")
        db.execute(
            """INSERT INTO peers (workspace, id, kind, uid, metadata, configuration, created_at)
               VALUES (?, ?, ?, ?, ?, ?, ?)""",
            (self.workspace, line["id"], "scope" if line["scope"] else "peer", *self._owned(line)),
        )

    def _session(self, db: Transaction, line: schema.SessionLine) -> None:
        identifiers.check_id("Session", line["id"])
        db.execute(
            """INSERT INTO sessions (workspace, id, uid, metadata, configuration, created_at)
               VALUES (?, ?, ?, ?, ?, ?)""",
            (self.workspace, line["id"], *self._owned(line)),
        )

    def _member(self, db: Transaction, line: schema.MemberLine) -> None:
        db.execute(
            """INSERT INTO members (session, peer, joined_at, left_at, observe_me, observe_others)
               VALUES (?, ?, ?, ?, ?, ?)""",
            (
                self._in_session(db, line["session"]),
                self._any_peer(db, line["peer"]),
                line["joined_at"],
                line["left_at"],
                line["observe_me"],
                line["observe_others"],
            ),
        )

    def _message(self, db: Transaction, line: schema.MessageLine) -> None:
        session, seq = self._in_session(db, line["session"]), line["seq"]
        if session in self._said:
            first, last = self._said[session]
        else:
            (last,) = db.execute("SELECT message_count FROM sessions WHERE pk = ?", (session,)).fetchone()
            first = last + 1
        if seq != last + 1:
            raise InvalidLine(f"seq: {seq} follows {last} in the session {identifiers.truncate(line['session'])!r}")
        metadata = rows.to_text(validate_metadata(line["metadata"], "metadata"))
        db.execute(
            """INSERT INTO messages (id, workspace, session, seq, peer, content, metadata, token_count, muted,
                   created_at)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                self.id(line["id"]),
                self.workspace,
                session,
                seq,
                self._person(db, line["peer"]),
                line["content"],
                metadata,
                line["token_count"],
                line["muted"],
                line["created_at"],
            ),
        )
        self._said[session] = first, seq

    def _stay(self, db: Transaction, line: schema.IntervalLine) -> None:
        session, peer = self._in_session(db, line["session"]), self._any_peer(db, line["peer"])
        first, last = line["first"], line["last"]
        row = db.execute(
            """SELECT left_at IS NULL, (SELECT max(ifnull(x.last, 9e18)) FROM stays x
                   WHERE x.session = m.session AND x.peer = m.peer)
               FROM members m WHERE m.session = ? AND m.peer = ?""",
            (session, peer),
        ).fetchone()
        if row is None:
            raise InvalidLine(f"no earlier line makes {identifiers.truncate(line['peer'])!r} a member of the session")
        is_in, end_of_last = row
        if end_of_last is not None and first <= end_of_last:
            raise InvalidLine(f"first: {first} overlaps with an earlier stay")
        if last is None and not is_in:
            raise InvalidLine("last: the peer has left the session")
        if last is not None and last < first - 1:
            raise InvalidLine(f"last: {last} is less than {first}")
        self._check_reaches(db, session, first - 1 if last is None else last)
        membership_intervals.add(db, session, peer, first, last)

    def _receipt(self, db: Transaction, line: schema.ReceiptLine) -> None:
        session = self._in_session(db, line["session"])
        self._check_reaches(db, session, line["first_seq"] + line["count"] - 1)
        digest = bytes.fromhex(line["digest"])
        db.execute(
            "INSERT INTO receipts (session, key, digest, first_seq, count, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            (session, line["key"], digest, line["first_seq"], line["count"], line["created_at"]),
        )

    def _check_reaches(self, db: Transaction, session: int, last: int) -> None:
        """Raise InvalidLine unless the session has that many messages."""
        (there,) = db.execute("SELECT message_count FROM sessions WHERE pk = ?", (session,)).fetchone()
        if session in self._said:
            there = self._said[session][1]
        if last > there:
            raise InvalidLine(f"refers to message {last} of a session that has {there}")

    def _conclusion(self, db: Transaction, line: schema.ConclusionLine) -> None:
        source_ids, details = line["source_ids"], cast(Json, line["details"])
        if self.salt is not None:
            if "message_ids" in details:
                details = {**details, "message_ids": [self.id(id) for id in details["message_ids"]]}
            if "origin" in details:
                details = {**details, "origin": self.id(details["origin"])}
        conclusions.insert(
            db,
            self.id(line["id"]),
            self.workspace,
            (self._any_peer(db, line["observer"]), self._person(db, line["observed"])),
            None if line["session"] is None else self._in_session(db, line["session"]),
            line["content"],
            said_at=line["said_at"],
            now=line["created_at"],
            level=line["level"],
            source_ids=None if source_ids is None else [self.id(id) for id in source_ids],
            details=details,
            times_derived=line["times_derived"],
        )

    def _card(self, db: Transaction, line: schema.CardLine) -> None:
        if identifiers.is_scope_peer(line["observed"]):
            raise InvalidLine("there are no cards about scopes")
        db.execute(
            "INSERT INTO cards (observer, observed, lines, given, updated_at) VALUES (?, ?, ?, ?, ?)",
            (
                self._any_peer(db, line["observer"]),
                line["observed"],
                _listed(line["lines"]),
                _listed(line["given"]),
                line["updated_at"],
            ),
        )

    def _summary(self, db: Transaction, line: schema.SummaryLine) -> None:
        session = self._in_session(db, line["session"])
        self._check_reaches(db, session, line["seq"])
        db.execute(
            """INSERT INTO summaries (session, kind, content, message, seq, token_count, created_at)
               VALUES (?, ?, ?, ?, ?, ?, ?)""",
            (
                session,
                line["type"],
                line["content"],
                self.id(line["message"]),
                line["seq"],
                line["token_count"],
                line["created_at"],
            ),
        )

    def _dream(self, db: Transaction, line: schema.DreamLine) -> None:
        pair = self._any_peer(db, line["observer"]), self._person(db, line["observed"])
        db.execute(
            "INSERT INTO dreams (observer, observed, explicit_since, last_at) VALUES (?, ?, ?, ?)",
            (*pair, line["explicit_since"], line["last_at"]),
        )

    def _backfill(self, db: Transaction, line: schema.BackfillLine) -> None:
        place = self._scope(db, line["scope"]), self._in_session(db, line["session"])
        db.execute(
            "INSERT INTO backfills (scope, session, state, docs_copied, updated_at) VALUES (?, ?, ?, ?, ?)",
            (*place, line["state"], line["docs_copied"], line["updated_at"]),
        )

    def _webhook(self, db: Transaction, line: schema.WebhookLine) -> None:
        # Private addresses are checked at each delivery.
        check_url(line["url"], private_targets=True)
        db.execute(
            "INSERT INTO webhooks (id, workspace, url, created_at) VALUES (?, ?, ?, ?)",
            (self.id(line["id"]), self.workspace, line["url"], line["created_at"]),
        )

    def _job(self, db: Transaction, line: schema.JobLine) -> None:
        key, payload = self._work(db, line["task"], line["payload"])
        db.execute(
            """INSERT INTO jobs (kind, payload, key, workspace, created_at, due_at, attempts, units, grows, error,
                   failed_at)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                line["task"],
                orjson.dumps(payload).decode(),
                key,
                self.workspace,
                line["created_at"],
                line["due_at"],
                line["attempts"],
                line["units"],
                line["grows"],
                line["error"],
                line["failed_at"],
            ),
        )

    def _work(self, db: Transaction, task: str, payload: Json) -> tuple[str, Json]:
        """Key and payload of a job, with row numbers filled in."""
        if task == "dream":
            pair = self._any_peer(db, payload["observer"]), self._person(db, payload["observed"])
            return dream_jobs.key(payload["type"], pair), {**payload, "pair": [*pair]}
        if task == "deliver_webhook":
            return self.id(payload["endpoint"]), {**payload, "endpoint": self.id(payload["endpoint"])}
        session = self._in_session(db, payload["session"])
        if task in (scope_backfill.COPY, scope_backfill.FORGET):
            scope = self._scope(db, payload["scope"])
            if task == scope_backfill.COPY and self.salt is not None:
                # The ids of copies derive from the originals' ids, which have changed; the job makes all copies again.
                conclusions.hide(db, scope_copies.copies(db, scope, session), 0)
            return scope_backfill.key(scope, session), {"scope": scope, "session": session}
        self._check_reaches(db, session, payload["through"])
        if task == "summary":
            return str(session), {**payload, "session_pk": session}
        # As `reasoning.units.Unit` has it.
        observed = self._person(db, payload["observed"])
        observers = [self._any_peer(db, id) for id in payload["observers"]]
        return f"{session}:{observed}", {
            **payload,
            "session_pk": session,
            "observed_pk": observed,
            "observer_pks": observers,
        }


def _listed(lines: Sequence[str]) -> str:
    return orjson.dumps([*lines]).decode()
