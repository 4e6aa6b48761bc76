"""Import a workspace from its lines. It stays invisible until it is complete.

During the import the workspace is marked as deleted, and a purge job for it is due in a week. The job's payload holds
the progress, which is updated in the transaction that stores the lines. So an interrupted import can be resumed, and an
abandoned one is purged. The last transaction unhides the workspace, deletes the purge job and inserts the jobs of the
exported workspace.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import orjson

from omoide.core import clock, identifiers
from omoide.core.clock import derived_id
from omoide.core.errors import Conflict, Unprocessable
from omoide.core.job_payloads import JobKind
from omoide.storage import embeddings, membership_intervals, peer_merge, purge, topic_fill, visits, webhooks
from omoide.storage.base import Store, Transaction
from omoide.storage.dialect import greatest, insert_row, json_or_null
from omoide.storage.export import schema
from omoide.storage.export.row_mapping import Rows
from omoide.storage.export.schema import InvalidLine, NotHeader

PURGE = JobKind.PURGE_WORKSPACE
KEEP = 7 * clock.DAY
"""Microseconds until an interrupted import is purged."""

LINES_AT_A_TIME, BYTES_AT_A_TIME = 500, 4_000_000
"""Limits of one write, so that other writes can run in between and long lines do not fill the memory. The last line may
exceed the limit of bytes."""


# The job, unless another process has resumed the import or the job is due.
_OURS = "WHERE pk = ? AND payload = ? AND key = ? AND attempts = 0 AND due_at > ?"


class AlreadyImported(Exception):
    """The workspace is in the database already. There is nothing to do."""


class InvalidExport(Unprocessable):
    """A file that cannot be imported, with the number of the offending line."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"line {number}: {reason}")


class NotAnExport(InvalidExport):
    """A file that Omoide has not exported."""


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """Progress of an import: the workspace's name and row, the job that stores it, and the lines read so far."""

    name: str
    workspace: int
    salt: str | None
    lines: int
    digest: str
    """Hash of all lines read so far."""
    job: int = 0

    def payload(self) -> str:
        payload = {"workspace": self.workspace, "import": {"lines": self.lines, "digest": self.digest}}
        return orjson.dumps(payload).decode()

    def params(self) -> tuple[int, str, str, int]:
        """The parameters of `_OURS`."""
        return self.job, self.payload(), _key(self.name), clock.now()

    def interfered(self) -> Conflict:
        return Conflict(f"Another process is importing a workspace as {self.name}, or has restarted the import")


@dataclass(frozen=True, slots=True)
class _Leftover:
    """A workspace (its row) that must be purged before this one can be imported."""

    workspace: int


class _Reader:
    """Read the lines of a file, counting and hashing them. `first` is the line of the workspace, after the header."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines = lines
        self._digest = hashlib.blake2b(digest_size=16)
        self._counts = Counter({"workspace": 1})
        self.number = 0
        self.bytes = 0
        try:
            self.header = schema.read_header(self._next() or b"")
            if (line := self._next()) is None:
                raise InvalidLine("unexpected end of file")
            self.first = schema.read_line(line, self.header["format"])
            if self.first["kind"] != "workspace" or self.header["counts"].get("workspace") != 1:
                raise InvalidLine("the first line after the header must be the only workspace line")
            if self.header["counts"].get("webhook", 0) > webhooks.MAX_ENDPOINTS:
                raise InvalidLine(f"a workspace can have at most {webhooks.MAX_ENDPOINTS} webhook endpoints")
        except NotHeader as error:
            raise NotAnExport(1, str(error)) from error
        except InvalidLine as error:
            raise InvalidExport(max(1, self.number), str(error)) from error

    def _next(self) -> bytes | None:
        line = next(self._lines, None)
        if line is not None:
            self.number += 1
            self.bytes += len(line)
            self._digest.update(line)
        return line

    def read(self) -> schema.Line | None:
        """The next line; None at the end. Raises InvalidLine."""
        text = self._next()
        if text is None:
            return None
        line = schema.read_line(text, self.header["format"])
        kind = line["kind"]
        self._counts[kind] += 1
        if self._counts[kind] > self.header["counts"].get(kind, 0):
            raise InvalidLine(f"more lines of kind {kind} than the header declares")
        return line

    @property
    def digest(self) -> str:
        return self._digest.copy().hexdigest()

    def check_complete(self) -> None:
        for kind, count in self.header["counts"].items():
            if self._counts[kind] < count:
                reason = f"unexpected end of file after {self._counts[kind]} of {count} lines of kind {kind}"
                raise InvalidExport(self.number, reason)


async def import_workspace(
    store: Store, lines: Iterator[bytes], *, name: str | None, restart: bool, shown: Callable[[int, int], None]
) -> tuple[str, int]:
    """Import the lines of a file, and return the workspace's name and the number of lines.

    `name` renames the workspace, `restart` discards the data of an interrupted import, `shown` is called with the
    number of lines done and in total. Raises InvalidExport, Conflict if another workspace has that name, and
    AlreadyImported.
    """
    reader = _Reader(lines)
    header = reader.header
    name = name or header["workspace"]
    identifiers.check_id("Workspace", name)
    if restart:
        await _drop(store, name)
    progress = await _begun(store, name, reader)
    total = sum(header["counts"].values()) + 1
    _skip(reader, progress)
    writer = Rows(progress.workspace, progress.salt, has_links=header["format"] > 2)
    before_jobs = total - header["counts"].get("job", 0)
    while some := _some(reader, through=before_jobs):
        following = replace(progress, lines=reader.number, digest=reader.digest)
        await store.write(_store, writer, some, progress, following)
        progress = following
        shown(reader.number, total)
    await _complete_stays(store, progress.workspace)
    jobs = [*itertools.chain.from_iterable(iter(lambda: _some(reader, through=None), []))]
    reader.check_complete()
    if name != header["workspace"]:
        jobs = [each for each in jobs if not _is_delivery(each[1])]
    await store.write(_finish, writer, jobs, progress)
    shown(total, total)
    return name, reader.number


async def _begun(store: Store, name: str, reader: _Reader) -> ImportProgress:
    """Begin or resume the import, after purging leftovers that are in the way."""
    while isinstance(begun := await store.write(_begin, name, reader.first, reader.digest), _Leftover):
        while await store.write(purge.workspace, begun.workspace):
            pass
    return begun


def _key(name: str) -> str:
    return f"import:{name}"


def _workspace_in(payload: str) -> str:
    """SQL for the row of the workspace that a job purges."""
    return f"CAST({json_or_null(payload)} ->> 'workspace' AS BIGINT)"


def _begin(db: Transaction, name: str, first: schema.Line, digest: str) -> ImportProgress | _Leftover:
    here = db.execute("SELECT uid FROM workspaces WHERE id = ? AND deleted_at IS NULL", (name,)).fetchone()
    if here and here[0] in (first["uid"], derived_id(first["uid"], name)):
        raise AlreadyImported(name)
    if here:
        raise Conflict(f"Another workspace {name} exists: --as NAME imports this one under another name")
    if found := _found(db, name, first):
        return found
    query = f"""SELECT w.pk, w.deleted_at IS NOT NULL AND j.pk IS NULL
        FROM workspaces w LEFT JOIN jobs j ON j.kind = '{PURGE}' AND j.key LIKE 'import:%'
            AND {_workspace_in("j.payload")} = w.pk
        WHERE w.uid = ?"""
    uid, salt = first["uid"], None
    others = db.execute(query, (uid,)).fetchall()
    if not all(is_left for _, is_left in others):
        uid = salt = derived_id(first["uid"], name)
        others = db.execute(query, (uid,)).fetchall()
    if others:
        return _Leftover(others[0][0])
    columns = schema.KINDS["workspace"].columns
    owned = [columns[field].stored(first[field]) for field in ("metadata", "configuration")]
    now = clock.now()
    # Row numbers of workspaces are reused, but this one must differ from any that a purge job still refers to.
    last = "SELECT max(pk) FROM workspaces"
    purged = f"SELECT max({_workspace_in('payload')}) FROM jobs WHERE kind = '{PURGE}'"
    workspace = insert_row(
        db,
        f"""INSERT INTO workspaces (pk, id, uid, metadata, configuration, created_at, deleted_at)
            SELECT {greatest(f"coalesce(({last}), 0)", f"coalesce(({purged}), 0)")} + 1, ?, ?, ?, ?, ?, ?""",
        (name, uid, *owned, first["created_at"], now),
    )
    progress = ImportProgress(name, workspace, salt, 2, digest)
    job = insert_row(
        db,
        "INSERT INTO jobs (kind, payload, created_at, due_at, key) VALUES (?, ?, ?, ?, ?)",
        (PURGE, progress.payload(), now, now + KEEP, _key(name)),
    )
    return replace(progress, job=job)


def _found(db: Transaction, name: str, first: schema.Line) -> ImportProgress | _Leftover | None:
    """An interrupted import under this name, or None."""
    row = db.execute(
        "SELECT pk, payload, attempts = 0 AND due_at > ? FROM jobs WHERE kind = ? AND key = ?",
        (clock.now(), PURGE, _key(name)),
    ).fetchone()
    if row is None:
        return None
    job, payload, is_kept = row[0], orjson.loads(row[1]), row[2]
    if not is_kept:  # expired: it is being purged, or part of it already was
        db.execute("UPDATE jobs SET key = NULL WHERE pk = ?", (job,))
        return _Leftover(payload["workspace"])
    (uid,) = db.execute("SELECT uid FROM workspaces WHERE pk = ?", (payload["workspace"],)).fetchone()
    salt = None if uid == first["uid"] else uid
    done = payload["import"]
    return ImportProgress(name, payload["workspace"], salt, done["lines"], done["digest"], job)


async def _drop(store: Store, name: str) -> None:
    """Purge the data of an interrupted import under this name."""

    def let_go(db: Transaction) -> int | None:
        row = db.execute(
            f"""UPDATE jobs SET key = NULL, due_at = ? WHERE kind = ? AND key = ?
                RETURNING {_workspace_in("payload")}""",
            (clock.now(), PURGE, _key(name)),
        ).fetchone()
        return row[0] if row else None

    workspace = await store.write(let_go)
    while workspace is not None and await store.write(purge.workspace, workspace):
        pass


def _skip(reader: _Reader, progress: ImportProgress) -> None:
    """Skip the lines that are stored already. Raises Conflict if they differ."""
    try:
        while reader.number < progress.lines and reader.read() is not None:
            pass
        is_same = reader.digest == progress.digest
    except InvalidLine:
        is_same = False
    if not is_same:
        raise Conflict(
            "An import of a different file under this name was interrupted: resume that one, or pass --restart"
        )


def _some(reader: _Reader, *, through: int | None) -> list[tuple[int, schema.Line]]:
    """The next lines with their numbers, up to the line `through`; None: the remaining lines must all be jobs."""
    lines: list[tuple[int, schema.Line]] = []
    full = reader.bytes + BYTES_AT_A_TIME
    while len(lines) < LINES_AT_A_TIME and reader.bytes < full and reader.number != through:
        try:
            if (line := reader.read()) is None:
                break
            if (line["kind"] == "job") != (through is None):
                raise InvalidLine("jobs must come last")
        except InvalidLine as error:
            raise InvalidExport(reader.number, str(error)) from error
        lines.append((reader.number, line))
    return lines


async def _complete_stays(store: Store, workspace: int) -> None:
    """Derive stays for members that have none in the file, in batches."""
    done = await store.write(_first_stays, workspace)
    while done is not None:
        done = await store.write(membership_intervals.derive, done, workspace)


def _first_stays(db: Transaction, workspace: int) -> membership_intervals.Member | None:
    (session,) = db.execute("SELECT min(pk) FROM sessions WHERE workspace = ?", (workspace,)).fetchone()
    return None if session is None else membership_intervals.derive(db, (session - 1, 0), workspace)


def _is_delivery(line: schema.Line) -> bool:
    """Whether it is a webhook delivery, whose event contains the workspace's old name."""
    return bool(line["kind"] == "job" and line["task"] == JobKind.DELIVER_WEBHOOK)


def _store(
    db: Transaction,
    writer: Rows,
    lines: Sequence[tuple[int, schema.Line]],
    progress: ImportProgress,
    following: ImportProgress,
) -> None:
    moved = db.execute(
        f"UPDATE jobs SET payload = ?, due_at = ? {_OURS}",
        (following.payload(), clock.now() + KEEP, *progress.params()),
    )
    if not moved.rowcount:
        raise progress.interfered()
    _add(db, writer, lines)
    writer.index(db)


def _add(db: Transaction, writer: Rows, lines: Sequence[tuple[int, schema.Line]]) -> None:
    writer.begin()
    for number, line in lines:
        try:
            writer.add(db, line)
        except InvalidLine as error:
            raise InvalidExport(number, str(error)) from error


def _finish(db: Transaction, writer: Rows, jobs: Sequence[tuple[int, schema.Line]], progress: ImportProgress) -> None:
    ended = db.execute(f"DELETE FROM jobs {_OURS}", progress.params())
    if not ended.rowcount:
        raise progress.interfered()
    if db.execute("SELECT 1 FROM workspaces WHERE id = ? AND deleted_at IS NULL", (progress.name,)).fetchone():
        raise Conflict(f"A workspace {progress.name} was created during the import")
    _add(db, writer, jobs)
    visits.derive(db, writer.workspace)
    peer_merge.resume(db, writer.workspace, clock.now())
    db.execute("UPDATE workspaces SET deleted_at = NULL WHERE pk = ?", (writer.workspace,))
    db.execute(
        """UPDATE sessions SET removed = message_count - (SELECT count(*) FROM messages m WHERE m.session = sessions.pk)
           WHERE workspace = ?""",
        (writer.workspace,),
    )
    topic_fill.enqueue(db, writer.workspace, clock.now())
    embeddings.enqueue(db, clock.now())
