"""Insert the lines of an exported workspace as rows.

Ids are kept, except if the exported workspace is in the same database: then each id is replaced by one derived from it,
so that both workspaces can coexist.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import orjson

from omoide.core import identifiers
from omoide.core.clock import derived_id
from omoide.core.errors import OmoideError
from omoide.core.identifiers import truncate
from omoide.core.job_payloads import JobKind
from omoide.core.records import Json
from omoide.core.webhook_protocol import check_url
from omoide.storage import conclusion_links, conclusions, dream_jobs, event_time_order, scope_backfill, scope_copies
from omoide.storage.base import Transaction
from omoide.storage.content_hash import content_hash
from omoide.storage.dialect import IntegrityError, insert_row
from omoide.storage.engine import fulltext
from omoide.storage.export.schema import KINDS, Column, InvalidLine, Line

Values = dict[str, Any]
"""Column → value of a row that is about to be inserted."""


class Rows:
    """Insert lines into one workspace (its row). `salt` derives new ids from those in the file; None keeps them.

    Without `has_links`, the file has no lines for the messages of conclusions, which are then taken from the details.
    Call `begin` in a transaction, then `add`, and `index` before its commit.
    """

    def __init__(self, workspace: int, salt: str | None, *, has_links: bool = True) -> None:
        self.workspace = workspace
        self.salt = salt
        self._has_links = has_links
        self._peers: dict[str, tuple[int, bool]] = {}
        self._sessions: dict[str, int] = {}
        self._said: dict[int, tuple[int, int]] = {}
        self._references: Mapping[str, Callable[[Transaction, Any], Any]] = {
            "id": lambda _, given: self.id(given),
            "ids": lambda _, ids: [*map(self.id, ids)],
            "details": lambda _, details: self._details(details),
            "session": self._in_session,
            "peer": lambda db, peer: self._owner(db, peer)[0],
            "person": self._person,
            "scope": self._scope,
            "conclusion": self._conclusion,
            "message": self._message,
        }
        self._checks: Mapping[str, Callable[[Transaction, Line, Values], None]] = {
            "peer": self._check_peer,
            "session": lambda _, line, values: identifiers.check_id("Session", line["id"]),
            "message": self._number_message,
            "stay": self._check_stay,
            "receipt": lambda db, line, values: self._check_reaches(
                db, values["session"], line["first_seq"] + line["count"] - 1
            ),
            "conclusion": self._check_conclusion,
            "card": self._check_card,
            "summary": lambda db, line, values: self._check_reaches(db, values["session"], line["seq"]),
            # Private addresses are checked at each delivery.
            "webhook": lambda _, line, values: check_url(line["url"], private_targets=True),
            "job": self._complete_job,
        }

    def begin(self) -> None:
        """Forget the rows of earlier transactions, of which one may have been rolled back."""
        self._peers.clear()
        self._sessions.clear()
        self._said.clear()

    def add(self, db: Transaction, line: Line) -> None:
        """Insert the row of a line. Raises InvalidLine if it contradicts existing rows."""
        name = line["kind"]
        if name == "workspace":
            raise InvalidLine(f"duplicate {name} line")
        kind = KINDS[name]
        try:
            values = {
                column.name or field: self._value(db, column, line[field]) for field, column in kind.columns.items()
            }
            if kind.has_workspace:
                values["workspace"] = self.workspace
            if check := self._checks.get(name):
                check(db, line, values)
            statement, params = _insertion(kind.table, tuple(values)), [*values.values()]
            if name == "conclusion":
                fulltext.add_conclusion(db, insert_row(db, statement, params))
            else:
                db.execute(statement, params)
        except OmoideError as error:
            raise InvalidLine(error.detail) from error
        except IntegrityError as error:
            raise InvalidLine(f"conflicts with a row in the database: {error}") from error
        if name == "conclusion" and not self._has_links and line["level"] == "explicit":
            ids = line["details"].get("message_ids", [])
            conclusion_links.link(db, [(self.id(each), values["id"]) for each in ids])

    def index(self, db: Transaction) -> None:
        """Index the added messages for full-text search, and update the message counts."""
        for session, (first, last) in self._said.items():
            db.execute(
                "UPDATE sessions SET message_count = ? WHERE pk = ? AND message_count < ?", (last, session, last)
            )
            fulltext.add_messages(db, session, first, last)
            event_time_order.note(db, session, first)

    def id(self, given: str) -> str:
        return given if self.salt is None else derived_id(given, self.salt)

    def _value(self, db: Transaction, column: Column, value: Any) -> Any:
        if value is not None and column.refers_to is not None:
            value = self._references[column.refers_to](db, value)
        return column.stored(value)

    def _owner(self, db: Transaction, peer_id: str) -> tuple[int, bool]:
        """The row of a peer, and whether it is the hidden peer of a scope."""
        if peer_id not in self._peers:
            row = db.execute(
                "SELECT pk, kind = 'scope' FROM peers WHERE workspace = ? AND id = ?", (self.workspace, peer_id)
            ).fetchone()
            if row is None:
                raise InvalidLine(f"no earlier line defines the peer {truncate(peer_id)!r}")
            self._peers[peer_id] = row[0], bool(row[1])
        return self._peers[peer_id]

    def _person(self, db: Transaction, peer_id: str) -> int:
        pk, is_scope = self._owner(db, peer_id)
        if is_scope:
            raise InvalidLine(f"{truncate(peer_id)!r} is the hidden peer of a scope and cannot be used here")
        return pk

    def _scope(self, db: Transaction, peer_id: str) -> int:
        pk, is_scope = self._owner(db, peer_id)
        if not is_scope:
            raise InvalidLine(f"{truncate(peer_id)!r} is not a scope")
        return pk

    def _in_session(self, db: Transaction, session_id: str) -> int:
        if session_id not in self._sessions:
            row = db.execute(
                "SELECT pk FROM sessions WHERE workspace = ? AND id = ? AND deleted_at IS NULL",
                (self.workspace, session_id),
            ).fetchone()
            if row is None:
                raise InvalidLine(f"no earlier line defines the session {truncate(session_id)!r}")
            self._sessions[session_id] = row[0]
        return self._sessions[session_id]

    def _conclusion(self, db: Transaction, given: str) -> int:
        query = "SELECT pk FROM conclusions WHERE id = ? AND workspace = ?"
        if row := db.execute(query, (self.id(given), self.workspace)).fetchone():
            return int(row[0])
        raise InvalidLine(f"no earlier line defines the conclusion {given!r}")

    def _message(self, db: Transaction, given: str) -> int:
        query = "SELECT pk FROM messages WHERE id = ? AND workspace = ?"
        if row := db.execute(query, (self.id(given), self.workspace)).fetchone():
            return int(row[0])
        raise InvalidLine(f"no earlier line defines the message {given!r}")

    def _details(self, details: Json) -> Json:
        if "message_ids" in details:
            details = {**details, "message_ids": [*map(self.id, details["message_ids"])]}
        return {**details, "origin": self.id(details["origin"])} if "origin" in details else details

    def _last_message(self, db: Transaction, session: int) -> int:
        if session in self._said:
            return self._said[session][1]
        return int(db.execute("SELECT coalesce(max(seq), 0) FROM messages WHERE session = ?", (session,)).fetchone()[0])

    def _check_reaches(self, db: Transaction, session: int, last: int) -> None:
        """Raise InvalidLine unless the session has that many messages."""
        (positions,) = db.execute("SELECT message_count FROM sessions WHERE pk = ?", (session,)).fetchone()
        count = max(positions, self._last_message(db, session))
        if last > count:
            raise InvalidLine(f"refers to message {last} of a session that has {count}")

    def _check_peer(self, db: Transaction, line: Line, values: Values) -> None:
        peer_id = line["id"]
        if not line["scope"]:
            identifiers.check_peer_names([peer_id])
        elif not identifiers.is_scope_peer(peer_id) or identifiers.scope_name_error(identifiers.scope_of_peer(peer_id)):
            raise InvalidLine(f"{truncate(peer_id)!r} is not a valid id for the peer of a scope")

    def _number_message(self, db: Transaction, line: Line, values: Values) -> None:
        session, seq = values["session"], line["seq"]
        last = self._last_message(db, session)
        is_next = seq > last if self._has_links else seq == last + 1  # deleted messages leave gaps
        if not is_next:
            raise InvalidLine(f"seq: {seq} follows {last} in the session {truncate(line['session'])!r}")
        first, _ = self._said.get(session, (seq, last))
        self._said[session] = first, seq

    def _check_stay(self, db: Transaction, line: Line, values: Values) -> None:
        session, peer, first, last = values["session"], values["peer"], line["first"], line["last"]
        row = db.execute(
            """SELECT left_at IS NULL, (SELECT max(coalesce(x.last, 9000000000000000000)) FROM stays x
                   WHERE x.session = m.session AND x.peer = m.peer)
               FROM members m WHERE m.session = ? AND m.peer = ?""",
            (session, peer),
        ).fetchone()
        if row is None:
            raise InvalidLine(f"no earlier line makes {truncate(line['peer'])!r} a member of the session")
        is_in, end_of_last = row
        if end_of_last is not None and first <= end_of_last:
            raise InvalidLine(f"first: {first} overlaps with an earlier stay")
        if last is None and not is_in:
            raise InvalidLine("last: the peer has left the session")
        if last is not None and last < first - 1:
            raise InvalidLine(f"last: {last} is less than {first}")
        self._check_reaches(db, session, first - 1 if last is None else last)

    def _check_conclusion(self, db: Transaction, line: Line, values: Values) -> None:
        if (line["ended_at"] is None) != (line["ended_as"] is None):
            raise InvalidLine("ended_at and ended_as: either both are null or neither")
        if line["successor"] is not None and line["ended_as"] is None:
            raise InvalidLine("successor: the conclusion has not ended")
        values["same"] = content_hash(line["content"])

    def _check_card(self, db: Transaction, line: Line, values: Values) -> None:
        if identifiers.is_scope_peer(line["observed"]):
            raise InvalidLine("there are no cards about scopes")

    def _complete_job(self, db: Transaction, line: Line, values: Values) -> None:
        values["key"], payload = self._work(db, line["task"], line["payload"])
        values["payload"] = orjson.dumps(payload).decode()

    def _work(self, db: Transaction, task: str, payload: Json) -> tuple[str, Json]:
        """Key and payload of a job, with row numbers filled in."""
        if task == "dream":
            pair = self._owner(db, payload["observer"])[0], self._person(db, payload["observed"])
            return dream_jobs.key(payload["type"], pair), {**payload, "pair": [*pair]}
        if task == "deliver_webhook":
            return self.id(payload["endpoint"]), {**payload, "endpoint": self.id(payload["endpoint"])}
        session = self._in_session(db, payload["session"])
        if task in (JobKind.SCOPE_BACKFILL, JobKind.SCOPE_REMOVAL):
            scope = self._scope(db, payload["scope"])
            if task == JobKind.SCOPE_BACKFILL and self.salt is not None:
                # The ids of copies derive from the originals' ids, which have changed; the job makes all copies again.
                conclusions.hide(db, scope_copies.copies(db, scope, session), 0)
            return scope_backfill.key(scope, session), {"scope": scope, "session": session}
        self._check_reaches(db, session, payload["through"])
        if task == "summary":
            return str(session), {**payload, "session_pk": session}
        # As in `WorkUnit`.
        observed = self._person(db, payload["observed"])
        observers = [self._owner(db, id)[0] for id in payload["observers"]]
        return f"{session}:{observed}", {
            **payload,
            "session_pk": session,
            "observed_pk": observed,
            "observer_pks": observers,
        }


@cache
def _insertion(table: str, columns: tuple[str, ...]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
