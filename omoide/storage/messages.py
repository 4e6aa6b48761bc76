"""Store and list messages: appended in order of arrival and numbered from 1 (`seq`).

As long as no message of a session is deleted, a page of an unfiltered list is a range of `seq`, and all pages cost the
same. The number of a deleted message is not given again: `message_removal` counts it in `sessions.removed`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from omoide.core import clock
from omoide.core.clock import FIRST, LAST, new_ids
from omoide.core.errors import NotFound
from omoide.core.records import NOW, Json, Message, MessageBatch, Moment, NewMessage, Page, PageRequest, new_tuple
from omoide.storage import embeddings, event_time_order, members, membership_intervals, peer_aliases, rows, sessions
from omoide.storage.base import Transaction
from omoide.storage.dialect import ORDERED_JOIN, array, in_array, unnest
from omoide.storage.engine import fulltext, secure_delete
from omoide.storage.filters import MESSAGE_FIELDS
from omoide.storage.large_values import stored_object

_METADATA = stored_object("m.metadata")
_MESSAGE = f"m.id, s.id, w.id, p.id, m.content, {_METADATA}, m.token_count, m.created_at, m.utc_offset"
_JOINS = """
    FROM messages m
    JOIN sessions s ON s.pk = m.session
    JOIN workspaces w ON w.pk = s.workspace
    JOIN peers p ON p.pk = m.peer AND p.kind <> 'deleted'"""
_COLUMNS = "id, workspace, session, seq, peer, content, metadata, token_count, created_at, muted"


_IN_SAID_ORDER = _JOINS.replace(
    "FROM messages m", f"FROM said_order o {ORDERED_JOIN} messages m ON m.session = o.session AND m.seq = o.seq"
)

FEW = 200
"""Up to this many messages are read and sorted in memory, instead of using `event_time_order`."""


class AppendPoint(NamedTuple):
    """Where a batch is appended: the session, the rows of the authors by id, and the position of the first message.
    `messages` are those of the batch, by the peers that aliases stand for."""

    workspace_id: str
    session_id: str
    ground: sessions.Ground
    messages: Sequence[NewMessage]
    authors: Mapping[str, int]
    first: int
    now: int
    earliest: int
    """The time for ids. Not earlier than the authors' joining, even if another process's clock is ahead."""


class Stretch(NamedTuple):
    """The messages of one session (its row) from one position to another, both included."""

    session: int
    first: int
    last: int


class WindowSize(NamedTuple):
    """How much of a unit is read at once."""

    tokens: int
    counts_others: bool = True
    """Whether messages of others count. If not, at most `before` of them are read before each one of the author."""
    before: int = 0
    """Number of messages before the unit that are read as context, whoever said them."""


@dataclass(frozen=True, slots=True)
class Window:
    """Part of a unit: messages in the order in which they were said, the number of its author's, and the position where
    the rest begins."""

    messages: Sequence[Message]
    own: int
    rest: int
    before: Sequence[Message] = ()
    """The messages said before these, oldest first. A message of another peer just before the unit is not among them,
    but among `messages`."""


def record(row: rows.Row) -> Message:
    """Make a message of a selected row. A faster `rows.reader`, because messages are read in large numbers."""
    id, session_id, workspace_id, peer_id, content, metadata, token_count, created_at, utc_offset = row
    if (
        type(content) is str
        and type(id) is str
        and type(peer_id) is str
        and type(session_id) is str
        and type(workspace_id) is str
        and type(token_count) is int
        and token_count >= 0
        and type(created_at) is int
        and FIRST <= created_at <= LAST
        and (utc_offset is None or type(utc_offset) is int)
    ):
        try:
            said = {} if metadata == "{}" else rows.object_of(metadata, "messages", "metadata", "id", id)
            return new_tuple(
                Message, (id, session_id, workspace_id, peer_id, content, said, token_count, created_at, utc_offset)
            )
        except (ValueError, TypeError):
            pass
    return _mended(row)


def _mended(row: rows.Row) -> Message:
    *texts, metadata, token_count, created_at, utc_offset = rows.mended(_STORED, row)
    id, session_id, workspace_id, peer_id, content = texts
    said = rows.object_of(metadata, "messages", "metadata", "id", id)
    return Message(id, session_id, workspace_id, peer_id, content, said, token_count, created_at, utc_offset)


_STORED = ["messages.id", "sessions.id", "workspaces.id", "peers.id"]
_STORED += [f"messages.{name}" for name in ("content", "metadata", "token_count", "created_at", "utc_offset")]


def add(
    db: Transaction, workspace_id: str, session_id: str, batch: Sequence[NewMessage], now: int, *, max_observers: int
) -> list[Message]:
    """Store the batch without any jobs for it. Raises as `append_point`."""
    point = append_point(db, MessageBatch(workspace_id, session_id, batch), now, max_observers=max_observers)
    return append(db, point, batch)


def append_point(db: Transaction, batch: MessageBatch, now: int, *, max_observers: int) -> AppendPoint:
    """Where to append the batch; workspace, session and authors are created if missing.

    Raises Unprocessable for ids that cannot be created, and for scopes as authors.
    """
    ground = sessions.ground(db, batch.workspace_id, batch.session_id, now)
    new = peer_aliases.of_peers(db, batch) if ground.has_aliases else batch.messages
    speaking = {message.peer_id: None for message in new}
    authors, earliest = members.authors(
        db, ground.workspace, ground.session, speaking, now, max_observers=max_observers
    )
    first = ground.message_count + 1
    return AppendPoint(batch.workspace_id, batch.session_id, ground, new, authors, first, now, earliest)


def append(
    db: Transaction, point: AppendPoint, batch: Sequence[NewMessage], muted: Collection[int] = ()
) -> list[Message]:
    """Append the batch at its point, and return the stored messages. `muted` are positions."""
    ground, first, now = point.ground, point.first, point.now
    last = first + len(batch) - 1
    came_at = event_time_order.came_at(ground.last_said_at, now)
    _, contents, _, _, said, _, offsets = zip(*batch, strict=True)
    times = [came_at if each is None else each for each in said]
    last_said_at = event_time_order.after(ground.last_said_at, times)
    db.execute(
        "UPDATE sessions SET message_count = ?, last_said_at = ? WHERE pk = ?", (last, last_said_at, ground.session)
    )
    ids = new_ids(point.earliest, len(batch))
    values = _values(point, ids, batch, frozenset(muted))
    if offsets.count(None) < len(offsets):
        with_offset = [(*row, offset) for row, offset in zip(values, offsets, strict=True)]
        rows.insert_all(db, f"messages ({_COLUMNS}, utc_offset)", with_offset)
    else:
        rows.insert_all(db, f"messages ({_COLUMNS})", values)
    if last_said_at is None:
        event_time_order.keep(db, ground.session, first, ground.last_said_at, None)
    fulltext.add_messages(db, ground.session, first, last, characters=sum(map(len, contents)))
    embeddings.enqueue(db, now)
    place = (point.session_id, point.workspace_id)
    return [
        new_tuple(Message, (id, *place, peer_id, content, metadata, tokens, now if at is None else at, offset))
        for id, (peer_id, content, metadata, tokens, at, _, offset) in zip(ids, batch, strict=True)
    ]


def _values(
    point: AppendPoint, ids: Sequence[str], batch: Sequence[NewMessage], muted: Collection[int]
) -> list[tuple[Any, ...]]:
    workspace, session, authors, now = point.ground.workspace, point.ground.session, point.authors, point.now
    return [
        (
            id,
            workspace,
            session,
            seq,
            authors[peer_id],
            content,
            rows.to_text(metadata) if metadata else "{}",
            tokens,
            now if said_at is None else said_at,
            1 if seq in muted else 0,
        )
        for seq, (id, (peer_id, content, metadata, tokens, said_at, _, _)) in enumerate(
            zip(ids, batch, strict=True), point.first
        )
    ]


def position(db: Transaction, session: int, message_id: str) -> int | None:
    """The position of the message in the session, from 1; None if it is not in it."""
    row = db.execute("SELECT seq FROM messages WHERE id = ? AND session = ?", (message_id, session)).fetchone()
    return row[0] if row else None


def _range(db: Transaction, session: int, first: int, last: int, *, reverse: bool = False) -> list[Message]:
    order = "DESC" if reverse else "ASC"
    query = f"SELECT {_MESSAGE} {_JOINS} WHERE m.session = ? AND m.seq BETWEEN ? AND ? ORDER BY m.seq {order}"
    return [record(row) for row in db.execute(query, (session, first, last))]


def page(
    db: Transaction, workspace_id: str, session_id: str, request: PageRequest, filters: Json | None = None
) -> Page[Message]:
    """The session's messages that match the filter, in order of arrival; none if there is no such session.

    Raises Unprocessable for a bad filter.
    """
    source, params = rows.filtered("", (), filters, MESSAGE_FIELDS)
    row = db.execute(
        """SELECT s.pk, s.message_count, s.removed > 0 OR EXISTS (SELECT 1 FROM jobs WHERE kind = 'purge_peer')
           FROM sessions s JOIN workspaces w ON w.pk = s.workspace
           WHERE w.id = ? AND w.deleted_at IS NULL AND s.id = ? AND s.deleted_at IS NULL""",
        (workspace_id, session_id),
    ).fetchone()
    if row is None:
        return Page([], 0, request)
    session, total, has_gaps = row
    total = sessions.sound_count(db, session, total)
    if source or has_gaps:
        source, params = f"{_JOINS} WHERE m.session = ? {source}", (session, *params)
        return rows.page(db, rows.Listing(_MESSAGE, source, params, ("m.seq",), record), request)
    if request.reverse:
        last = total - request.offset
        first = max(1, last - request.size + 1)
    else:
        first = request.offset + 1
        last = min(total, request.offset + request.size)
    items = _range(db, session, first, last, reverse=request.reverse) if first <= last else []
    return Page(items, total, request)


def newest_first(db: Transaction, workspace_id: str, session_id: str, since: int) -> Iterator[Message]:
    """The session's messages from the position `since` on, newest first by `created_at`, then position. Read lazily.

    The message that was said last is always included, wherever its position is.
    """
    row = db.execute(
        """SELECT s.pk, s.message_count, s.last_said_at FROM sessions s JOIN workspaces w ON w.pk = s.workspace
           WHERE w.id = ? AND w.deleted_at IS NULL AND s.id = ? AND s.deleted_at IS NULL""",
        (workspace_id, session_id),
    ).fetchone()
    if row is None:
        return iter(())
    session, stored, last_said_at = row
    count = sessions.sound_count(db, session, stored)
    if last_said_at is not None:
        query = f"SELECT {_MESSAGE} {_JOINS} WHERE m.session = ? AND m.seq >= ? ORDER BY m.seq DESC"
        return (record(row) for row in db.execute(query, (session, since)))
    newest = event_time_order.newest(db, session)
    if count - since < FEW:
        before = _range(db, session, newest, newest) if newest < since else []
        there = [*before, *_range(db, session, since, count)]
        return iter(sorted(there, key=_said_at)[::-1])
    query = f"""SELECT {_MESSAGE} {_IN_SAID_ORDER} WHERE o.session = ? AND (o.seq >= ? OR o.seq = ?)
        ORDER BY o.created_at DESC, o.seq DESC"""
    return (record(row) for row in db.execute(query, (session, since, newest)))


def known(walk: Iterator[Message], moment: Moment) -> Iterator[Message]:
    """The messages that had come by `as_of`, and had been said by `as_of` and `valid_at`."""
    if moment == NOW:
        return walk
    instants = [at for at in (moment.as_of, moment.valid_at) if at is not None]
    last = min(instants)
    later = None if moment.as_of is None else clock.after_ids(moment.as_of)
    return (message for message in walk if message.created_at <= last and (later is None or message.id < later))


def _said_at(message: Message) -> int:
    return message.created_at


def window(db: Transaction, stretch: Stretch, author: int, size: WindowSize, learning: Collection[int] = ()) -> Window:
    """An author's (a peer's row) messages of a stretch, as many as fit into `size.tokens`.

    Includes messages of others in between, and the one just before if it is by another peer: an answer needs its
    question. Excludes muted messages, and messages of others while any peer in `learning` (rows) was away: after it
    left and before it came back. The author's first message is always included, whatever its size.

    The turns before the unit are those that all of `learning` heard, whoever said them.
    """
    before: list[Message] = []
    held: list[Message] = []
    tokens = own = kept = 0
    rest = stretch.last + 1
    for seq, is_own, message in _heard(db, stretch, author, size, learning):
        if seq < stretch.first and (is_own or seq < stretch.first - 1):
            before.append(message)
            continue
        cost = message.token_count if size.counts_others or is_own else 0
        if tokens + cost > size.tokens and own:
            if is_own:
                rest = seq
                break
            continue  # what is left out uses up nothing
        if tokens + cost > size.tokens and size.counts_others:  # the preceding messages are too long to be context
            held, tokens = [], 0
        tokens += cost
        held.append(message)
        if is_own:
            own, kept = own + 1, len(held)
        elif not size.counts_others and len(held) - kept > max(1, size.before):
            del held[kept]
    return _in_said_order(held[:kept], own, rest, before if size.before else ())


def _heard(
    db: Transaction, stretch: Stretch, author: int, size: WindowSize, learning: Collection[int]
) -> Iterator[tuple[int, bool, Message]]:
    """Position, whether it is the author's, and message of those that may be in a window of the stretch."""
    found = db.execute(
        f"""SELECT m.seq, m.peer = :author, {_MESSAGE} {_JOINS}
           WHERE m.session = :session AND m.seq BETWEEN :since AND :last AND m.muted = 0
           AND (m.peer = :author AND m.seq >= :first OR NOT EXISTS (
               SELECT 1 FROM {unnest("bigint", "learner", ":learning")}
               WHERE NOT {membership_intervals.seen("learner.value", before_the_first="seen")}))
           AND (m.seq >= :first - 1 OR NOT EXISTS (
               SELECT 1 FROM {unnest("bigint", "learner", ":learning")} WHERE learner.value <> :author
               AND NOT {membership_intervals.seen("learner.value", before_the_first="unseen")}))
           ORDER BY m.seq""",
        {
            **stretch._asdict(),
            "since": stretch.first - max(1, size.before),
            "author": author,
            "learning": array(learning),
        },
    )
    return ((seq, bool(is_own), record(row)) for seq, is_own, *row in found)


def _in_said_order(held: list[Message], own: int, rest: int, before: Sequence[Message]) -> Window:
    """Order a window by time. What was said later than all of it is no context, even if it arrived earlier."""
    held.sort(key=lambda message: message.created_at)
    earlier = [message for message in before if held and message.created_at <= held[-1].created_at]
    return Window(held, own, rest, sorted(earlier, key=lambda message: message.created_at))


def through(db: Transaction, session: int, first: int, last: int) -> list[Message]:
    """The session's messages from one position through another, oldest first."""
    return _range(db, session, first, last)


def find(db: Transaction, workspace_id: str, session_id: str, message_id: str) -> Message | None:
    row = db.execute(
        f"""SELECT {_MESSAGE} {_JOINS} WHERE m.id = ? AND s.id = ? AND s.deleted_at IS NULL
            AND w.id = ? AND w.deleted_at IS NULL""",
        (message_id, session_id, workspace_id),
    ).fetchone()
    return record(row) if row else None


def get(db: Transaction, workspace_id: str, session_id: str, message_id: str) -> Message:
    """The message. Raises NotFound if it is not in this session of this workspace."""
    if found := find(db, workspace_id, session_id, message_id):
        return found
    raise NotFound(f"Message with ID {message_id} not found")


def by_pks(db: Transaction, pks: Sequence[int]) -> dict[int, Message]:
    """Row number → message."""
    query = f"SELECT m.pk, {_MESSAGE} {_JOINS} WHERE m.pk {in_array('bigint')}"
    return {row[0]: record(row[1:]) for row in db.execute(query, (array(pks),))}


def update(db: Transaction, workspace_id: str, session_id: str, message_id: str, metadata: Json | None) -> Message:
    """Replace the message's metadata, unless it is None, and return the message. Raises NotFound."""
    if find(db, workspace_id, session_id, message_id) is None:
        raise NotFound("Message not found")
    if metadata is not None:
        db.execute("UPDATE messages SET metadata = ? WHERE id = ?", (rows.to_text(metadata), message_id))
        secure_delete.enqueue(db, clock.now())
    return get(db, workspace_id, session_id, message_id)


def count(db: Transaction, session: int) -> int:
    """The number of messages in the session, which is the position of the last one."""
    (stored,) = db.execute("SELECT message_count FROM sessions WHERE pk = ?", (session,)).fetchone()
    return sessions.sound_count(db, session, stored)
