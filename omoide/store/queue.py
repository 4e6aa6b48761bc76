"""Jobs: work that a committed change still owes, as rows in the same transaction.

A worker claims the oldest job that is due of the workspace whose turn it is (`shares`) and holds it by a lease; if it
dies, the lease runs out and another takes the job over. Finishing removes the row. Whatever a job does must therefore
bear being done twice, or be done in the very transaction that finishes the job (`require`). What is owed and was done,
for those who ask, is told by `backlog`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import orjson

from omoide.jobs import IN_ORDER, REASONING, Job, LostLease
from omoide.store import done, rows, shares
from omoide.store.column_rules import as_text
from omoide.store.connection import Connection

logger = logging.getLogger("omoide.worker")

_HELD = "WHERE pk = ? AND attempts = ? AND leased_until IS NOT NULL"
"""The job as its worker claimed it: one that lost its lease to another has nothing to say about it any more."""

_WAITS = "kind = ? AND key = ? AND leased_until IS NULL AND failed_at IS NULL"

FIRST = 0
"""When a job is due that goes before all that is due already: it is quick, and others gain by it."""

DAY = 86_400_000_000
FORGET_FAILED = 30 * DAY
"""After how many microseconds a job that failed for good is removed: as long as the public API keeps it."""
FORGET_AT_A_TIME = 20
"""How many such jobs are removed along with another write, at the most."""


def add(
    db: Connection,
    kind: str,
    payload: dict[str, Any],
    now: int,
    *,
    key: str | None = None,
    workspace: int | None = None,
    coalesce: bool = True,
    due_at: int | None = None,
    units: int = 1,
    grows: bool = False,
) -> None:
    """Owe a job from `due_at` (microseconds since 1970; None: from `now`) on.

    `workspace` lets it go with its workspace. Of a kind and `key` one job runs at a time; reasoning goes in the order
    in which it was owed, of other kinds one that failed and waits for its next attempt lets others pass. While one
    waits with the same payload, no other is added: it will do the work of both, when the first of them is due. Say
    `coalesce=False` where every job is work of its own. `units` is what it counts for; `grows` admits it to `extend`.
    """
    due_at = now if due_at is None else due_at
    text = orjson.dumps(payload).decode()
    if key is not None and coalesce:
        waits = f"SELECT pk, attempts = 0 AND due_at > ? FROM jobs WHERE {_WAITS} AND payload = ? ORDER BY pk LIMIT 1"
        if found := db.execute(waits, (due_at, kind, key, text)).fetchone():
            if found[1]:
                db.execute("UPDATE jobs SET due_at = ? WHERE pk = ?", (due_at, found[0]))
            return
    db.execute(
        """INSERT INTO jobs (kind, payload, created_at, due_at, key, workspace, units, grows)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        (kind, text, now, due_at, key, workspace, units, int(grows)),
    )


def put_off(db: Connection, kind: str, key: str, due_at: int) -> bool:
    """Let the job wait until `due_at`; False if there is none that nobody has begun."""
    changed = db.execute(f"UPDATE jobs SET due_at = ? WHERE {_WAITS} AND attempts = 0", (due_at, kind, key))
    return bool(changed.rowcount)


def cancel(db: Connection, kind: str, key: str) -> None:
    """Drop jobs that wait."""
    db.execute(f"DELETE FROM jobs WHERE {_WAITS}", (kind, key))


def add_all(
    db: Connection, kind: str, payloads: Sequence[dict[str, Any]], now: int, *, key: str, workspace: int
) -> None:
    """Owe jobs from now on, each of them work of its own, in this order."""
    columns = "jobs (kind, payload, created_at, due_at, key, workspace)"
    values = [(kind, orjson.dumps(payload).decode(), now, now, key, workspace) for payload in payloads]
    rows.insert_all(db, columns, values)


_created_at = rows.mender("jobs.created_at")


def growing(db: Connection, kind: str, key: str) -> tuple[int, dict[str, Any], int] | None:
    """Row, payload and time of making of the newest job of a kind and key, if more may still be added to it."""
    row = db.execute(
        f"SELECT pk, payload, created_at, grows FROM jobs WHERE {_WAITS} ORDER BY pk DESC LIMIT 1", (kind, key)
    ).fetchone()
    if row is None or row[3] != 1:
        return None
    payload = _readable(row[1])
    return None if payload is None else (row[0], payload, _created_at(row[2]))


def _readable(stored: object) -> dict[str, Any] | None:
    """The payload of a job; None if it is no JSON object: such a job is given up when it is claimed."""
    try:
        payload = orjson.loads(stored) if isinstance(stored, str) else None
    except ValueError:
        return None
    return payload if isinstance(payload, dict) else None


def extend(db: Connection, pk: int, payload: dict[str, Any], due_at: int, *, units: int) -> None:
    """Add `units` to a job that is `growing`."""
    db.execute(
        "UPDATE jobs SET payload = ?, due_at = ?, units = units + ? WHERE pk = ?",
        (orjson.dumps(payload).decode(), due_at, units, pk),
    )


def hasten(db: Connection, kind: str, key: str, now: int) -> None:
    """Let jobs that nobody has begun be due now: nothing is added to them any more."""
    db.execute(f"UPDATE jobs SET grows = 0, due_at = min(due_at, ?) WHERE {_WAITS} AND attempts = 0", (now, kind, key))


def delay(db: Connection, kind: str, key: str, due_at: int) -> None:
    """Let a job that nobody has begun and that is not due yet wait until `due_at`."""
    db.execute(
        f"UPDATE jobs SET due_at = ? WHERE {_WAITS} AND attempts = 0 AND due_at > created_at", (due_at, kind, key)
    )


# A job of one share that is due, that nobody holds, and that does not have to wait for another of its kind and key.
_CLAIMABLE = f"""FROM jobs j WHERE {shares.share_of("j.workspace")} = :share AND failed_at IS NULL AND due_at <= :now
    AND (leased_until IS NULL OR leased_until <= :now) AND kind NOT IN (SELECT value FROM json_each(:busy))
    AND NOT EXISTS (SELECT 1 FROM jobs h WHERE h.kind = j.kind AND h.key = j.key AND h.leased_until > :now)
    AND NOT (j.kind IN (SELECT value FROM json_each(:ordered)) AND EXISTS (
        SELECT 1 FROM jobs h WHERE h.kind = j.kind AND h.key = j.key AND h.pk < j.pk AND h.failed_at IS NULL))"""


def _claimable(db: Connection, share: int, now: int, busy: Collection[str]) -> int | None:
    """The job of a share that is due longest and may run."""
    values = {
        "share": share,
        "now": now,
        "busy": orjson.dumps(list(busy)).decode(),
        "ordered": orjson.dumps(IN_ORDER).decode(),
    }
    row = db.execute(f"SELECT pk {_CLAIMABLE} ORDER BY due_at, pk LIMIT 1", values).fetchone()
    return row[0] if row else None


def _next(db: Connection, now: int, busy: Collection[str], full: Collection[int]) -> tuple[int, int | None, list[int]]:
    """The share whose turn it is and its job, None if no job may run; and the shares passed on the way that have none,
    whatever kinds are busy."""
    passed: list[int] = []
    for share in shares.ready(db):
        if share in full:
            continue
        if (pk := _claimable(db, share, now, busy)) is not None:
            return share, pk, passed
        if not busy or _claimable(db, share, now, ()) is None:
            passed.append(share)
    return shares.NO_WORKSPACE, None, passed


def claim(
    db: Connection,
    now: int,
    *,
    lease: int,
    busy: Collection[str] = (),
    full: Collection[int] = (),
    used: Mapping[int, int] | None = None,
    led: bool = False,
) -> Job | None:
    """A job that may run, held for `lease` microseconds; None if there is none.

    It is the one that is due longest of the workspace that has used the least time (`shares`). The kinds in `busy` and
    the workspaces (rows; `shares.NO_WORKSPACE` for none) in `full` are passed over. `used` is the time that jobs of
    workspaces took since the last claim, in microseconds. `led` says that it is the leading worker who claims. Damaged
    jobs are given up on the way, so that they hold up no other.
    """
    shares.charge(db, used or {})
    shares.wake(db, now)
    while True:
        share, pk, passed = _next(db, now, busy, full)
        shares.rest(db, passed, now)
        if pk is None:
            return None
        row = db.execute(
            f"""UPDATE jobs SET leased_until = ?, attempts = {_ATTEMPTS} + 1, grows = 0, led = ? WHERE pk = ?
                RETURNING kind, payload, attempts, (SELECT pk FROM workspaces w WHERE w.pk = workspace), key""",
            (now + lease, led, pk),
        ).fetchone()
        kind, stored, attempts, workspace, key = row
        if (payload := _readable(stored)) is not None:
            shares.begin(db, share, now)
            return Job(pk, as_text(kind), payload, attempts, workspace, None if key is None else as_text(key))
        _set_aside(db, pk, now, "damaged: its payload is not a JSON object")


_ATTEMPTS = "iif(typeof(attempts) = 'integer' AND attempts BETWEEN 0 AND 1000000000, attempts, 0)"

LONGEST_LEASE = 2 * DAY
"""Microseconds that a lease may reach beyond now: the setting ends at a day."""
LONGEST_WAIT = 3_650 * DAY
"""Microseconds that a job may wait to come due: settings for dreams end at a month."""

# By their indexes: text and bytes are above every number to SQLite.
_LEASED_FOR_EVER = "leased_until IS NOT NULL AND (leased_until > ? OR typeof(leased_until) <> 'integer')"
_NEVER_DUE = "failed_at IS NULL AND (due_at > ? OR due_at IS NULL)"


def is_damaged(db: Connection, now: int) -> bool:
    """Whether there are jobs that would never be claimed. Only reads."""
    query = f"SELECT 1 FROM jobs WHERE {_NEVER_DUE} UNION ALL SELECT 1 FROM jobs WHERE {_LEASED_FOR_EVER} LIMIT 1"
    last = now + LONGEST_WAIT
    return db.execute(query, (last, now + LONGEST_LEASE)).fetchone() is not None or shares.is_damaged(db, last)


def relieve(db: Connection, now: int) -> None:
    """Free jobs that are held for longer than any lease lasts, and give up those that would never come due."""
    db.execute(f"UPDATE jobs SET leased_until = NULL WHERE {_LEASED_FOR_EVER}", (now + LONGEST_LEASE,))
    for (pk,) in db.execute(f"SELECT pk FROM jobs WHERE {_NEVER_DUE}", (now + LONGEST_WAIT,)).fetchall():
        _set_aside(db, pk, now, "damaged: the time when it is due is none")
    shares.renew(db)


def _set_aside(db: Connection, pk: int, now: int, error: str) -> None:
    """Keep a damaged job where its operator sees it."""
    logger.warning("job %d is given up: %s", pk, error)
    db.execute(
        "UPDATE jobs SET leased_until = NULL, due_at = ?, failed_at = ?, error = ? WHERE pk = ?", (now, now, error, pk)
    )


def take_over(db: Connection, now: int) -> None:
    """Free what a leading worker had claimed. Call it as the new leader: the one before is gone.

    A job that was made later than now was so by a clock that has been set back since; it keeps its distance.
    """
    db.execute("UPDATE jobs SET leased_until = NULL WHERE leased_until IS NOT NULL AND led")
    db.execute(
        """UPDATE jobs SET created_at = :now, due_at = max(min(due_at, :now), due_at - (created_at - :now)),
               leased_until = leased_until - (created_at - :now)
           WHERE created_at > :now AND typeof(created_at) = 'integer'""",
        {"now": now},
    )
    shares.renew(db)


def set_back(db: Connection, now: int, by: int, *, lease: int) -> None:
    """The clock was set back by so many microseconds to `now`: what comes due and what runs out does so as long from
    now as it would have. Leases that were taken since, for `lease` microseconds, are left."""
    db.execute("UPDATE jobs SET due_at = max(:now, due_at - :by) WHERE due_at > :now", {"now": now, "by": by})
    # Else `take_over` would move them once more.
    db.execute("UPDATE jobs SET created_at = :now WHERE created_at > :now", {"now": now})
    db.execute(
        "UPDATE jobs SET leased_until = max(:now, leased_until - :by) WHERE leased_until > :now + :lease",
        {"now": now, "by": by, "lease": lease},
    )
    shares.renew(db)


def waiting(
    db: Connection, now: int, *, busy: Collection[str] = (), full: Collection[int] = (), most: int = 100
) -> bool:
    """Whether `claim` would find a job, or has more than `most` shares to lay to rest. Only reads, so that an idle
    worker writes nothing."""
    idle = 0
    for share in shares.ready_or_due(db, now):
        if share in full:
            continue
        if _claimable(db, share, now, busy) is not None:
            return True
        idle += not busy or _claimable(db, share, now, ()) is None
        if idle > most:
            return True
    return False


def next_due(db: Connection, now: int) -> int | None:
    """When the next job comes due that is not due yet; None if there is none."""
    query = "SELECT min(due_at) FROM jobs WHERE failed_at IS NULL AND due_at > ? AND due_at <= ?"
    row = db.execute(query, (now, now + LONGEST_WAIT)).fetchone()
    return int(row[0]) if row and row[0] is not None else None


def renew(db: Connection, job: Job, now: int, *, lease: int) -> None:
    """Hold a claimed job for another `lease` microseconds; one that was given back meanwhile stays free."""
    db.execute(f"UPDATE jobs SET leased_until = ? {_HELD}", (now + lease, job.pk, job.attempts))


def require(db: Connection, job: Job) -> None:
    """Raise LostLease unless the job is still held as it was claimed. Call it in the transaction that does the work."""
    if not is_held(db, job):
        raise LostLease(f"job {job.pk} ({job.kind}) is no longer held")


def advance(db: Connection, job: Job, payload: dict[str, Any], *, units: int) -> None:
    """Note that part of a held job is done: `payload` is what remains, `units` is what was done."""
    db.execute(
        f"UPDATE jobs SET payload = ?, units = max(0, units - ?) {_HELD}",
        (orjson.dumps(payload).decode(), units, job.pk, job.attempts),
    )


def release(db: Connection, job: Job) -> None:
    """Give a job back that was interrupted, as if nobody had begun it."""
    db.execute(f"UPDATE jobs SET leased_until = NULL, attempts = attempts - 1 {_HELD}", (job.pk, job.attempts))


def give_back(db: Connection, job: Job, now: int, payload: dict[str, Any] | None = None) -> None:
    """Give a job back whose turn is over: it goes behind what is due in its workspace, and keeps its order in its key.

    `payload` is what remains to be done, None for the same as before. It uses up no attempt.
    """
    db.execute(
        f"""UPDATE jobs SET leased_until = NULL, attempts = attempts - 1, due_at = ?, payload = coalesce(?, payload)
            {_HELD}""",
        (now, None if payload is None else orjson.dumps(payload).decode(), job.pk, job.attempts),
    )


def finish(db: Connection, job: Job, now: int) -> None:
    """Remove a held job; reasoning is counted as done for a while."""
    if job.kind in REASONING:
        row = db.execute(f"SELECT units FROM jobs {_HELD}", (job.pk, job.attempts)).fetchone()
        if row and (units := rows.mended(["jobs.units"], row)[0]):
            done.count(db, job, units, now)
    db.execute(f"DELETE FROM jobs {_HELD}", (job.pk, job.attempts))


def finish_others(db: Connection, job: Job, is_done: Callable[[dict[str, Any]], bool], now: int) -> None:
    """Remove waiting jobs of the same kind and key whose work a held job did as well: `is_done` says so of a payload.

    They are counted as done like itself.
    """
    query = f"SELECT pk, payload, units FROM jobs WHERE {_WAITS} ORDER BY pk"
    for pk, payload, units in db.execute(query, (job.kind, job.key)).fetchall():
        told = _readable(payload)
        if told is not None and is_done(told):
            if job.kind in REASONING:
                done.count(db, job, rows.mended(["jobs.units"], (units,))[0], now)
            db.execute("DELETE FROM jobs WHERE pk = ?", (pk,))


def is_held(db: Connection, job: Job) -> bool:
    """Whether the job is there, held as it was claimed."""
    return db.execute(f"SELECT 1 FROM jobs {_HELD}", (job.pk, job.attempts)).fetchone() is not None


def is_owed(db: Connection, kind: str, key: str) -> bool:
    """Whether a job of this kind and key waits or runs."""
    query = "SELECT 1 FROM jobs WHERE kind = ? AND key = ? AND failed_at IS NULL"
    return db.execute(query, (kind, key)).fetchone() is not None


def is_waiting(db: Connection, kind: str, key: str) -> bool:
    """Whether a job of this kind and key is owed that nobody holds: it has not read anything yet."""
    return db.execute(f"SELECT 1 FROM jobs WHERE {_WAITS}", (kind, key)).fetchone() is not None


def is_drained(db: Connection, job: Job) -> bool:
    """Whether no other job of the same kind and key is left."""
    query = "SELECT 1 FROM jobs WHERE kind = ? AND key = ? AND pk <> ? AND failed_at IS NULL"
    return db.execute(query, (job.kind, job.key, job.pk)).fetchone() is None


def payloads(db: Connection, job: Job) -> list[dict[str, Any]]:
    """Those of all jobs of the same kind and key that are left, itself included."""
    query = "SELECT payload FROM jobs WHERE kind = ? AND key = ? AND failed_at IS NULL ORDER BY pk"
    found = (_readable(payload) for (payload,) in db.execute(query, (job.kind, job.key)))
    return [payload for payload in found if payload is not None]


def postpone(db: Connection, job: Job, due_at: int, error: str | None) -> None:
    """Give a job back, to be tried again at `due_at`, with the reason if it failed."""
    given = "leased_until = NULL, due_at = ?, error = ?"
    db.execute(f"UPDATE jobs SET {given} {_HELD}", (due_at, error, job.pk, job.attempts))


def give_up(db: Connection, job: Job, now: int, error: str) -> None:
    """Keep a job that failed for good where it can be seen, with the reason. Nobody claims it any more."""
    given = "leased_until = NULL, failed_at = ?, error = ?"
    db.execute(f"UPDATE jobs SET {given} {_HELD}", (now, error, job.pk, job.attempts))
    forgotten = "SELECT pk FROM jobs WHERE failed_at < ? LIMIT ?"
    db.execute(f"DELETE FROM jobs WHERE pk IN ({forgotten})", (now - FORGET_FAILED, FORGET_AT_A_TIME))


def drop(db: Connection, kind: str, key: str) -> None:
    """Forget the jobs of a kind and key, those that failed for good included."""
    db.execute("DELETE FROM jobs WHERE kind = ? AND key = ?", (kind, key))
