"""Read what conclusions come from: other conclusions, merged ones, and messages; bounded, and within a key's reach."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from omoide.core.records import Conclusion, Message
from omoide.storage import conclusions, messages
from omoide.storage.base import Transaction
from omoide.storage.conclusion_reach import Reach
from omoide.storage.conclusions import COLUMNS, FROM_KEPT, FROM_KEPT_IDS, record
from omoide.storage.dialect import array, in_array
from omoide.storage.filters import SqlClause

MOST_MESSAGES = 20
"""Maximum number of messages per conclusion, the newest."""


class Bounds(NamedTuple):
    """Maximum numbers of conclusions and messages in total, and of levels below the first conclusion."""

    nodes: int
    depth: int


@dataclass(slots=True)
class SourceNode:
    """A conclusion and what it comes from."""

    conclusion: Conclusion
    messages: list[Message] = field(default_factory=list)
    """Newest first."""
    sources: list[SourceNode] = field(default_factory=list)
    """The conclusions that it was derived from."""
    merged: list[SourceNode] = field(default_factory=list)
    """The conclusions that became part of it."""
    is_repeated: bool = False
    """Whether what it comes from is at an earlier node for the same conclusion, and not here."""
    is_cut: bool = False
    """Whether some of it was left out, here or below."""


def tree(db: Transaction, workspace_id: str, conclusion_id: str, reach: Reach, bounds: Bounds) -> SourceNode:
    """The conclusion with everything that it comes from, nearest first if there is too much.

    Raises NotFound as `conclusions.get` does.
    """
    root = SourceNode(conclusions.get(db, workspace_id, conclusion_id, reach))
    walk = _TreeWalk(db, workspace_id, reach, reach.messages(db, workspace_id), bounds.nodes - 1, {conclusion_id})
    level = [root]
    for _ in range(bounds.depth):
        walk.add_messages(level)
        level = walk.expand(level)
    walk.add_messages(level)
    walk.remaining = 0  # what else there is, is too deep
    walk.expand(level)
    _pass_up_cuts(root)
    if reach.is_limited:
        nodes = [*_nodes(root)]
        readable = readable_ids(db, workspace_id, [each.conclusion for each in nodes], reach)
        for node in nodes:
            node.conclusion = shown(node.conclusion, node.messages, readable)
    return root


def _nodes(node: SourceNode) -> Iterator[SourceNode]:
    yield node
    for each in (*node.sources, *node.merged):
        yield from _nodes(each)


def _pass_up_cuts(node: SourceNode) -> bool:
    below = [_pass_up_cuts(each) for each in (*node.sources, *node.merged)]
    node.is_cut = node.is_cut or any(below)
    return node.is_cut


@dataclass(slots=True)
class _TreeWalk:
    db: Transaction
    workspace_id: str
    reach: Reach
    visible: SqlClause
    """A condition on messages."""
    remaining: int
    """How many more conclusions and messages there may be."""
    seen: set[str]

    def add_messages(self, level: Sequence[SourceNode]) -> None:
        for node in level:
            most = min(self.remaining, MOST_MESSAGES)
            found = linked(self.db, node.conclusion.pk, self.visible, most + 1)
            node.is_cut = node.is_cut or len(found) > most
            node.messages = found[:most]
            self.remaining -= len(node.messages)

    def expand(self, level: Sequence[SourceNode]) -> list[SourceNode]:
        """Add the conclusions that these come from, and return those that are not in the tree yet."""
        cited = dict.fromkeys(id for node in level for id in node.conclusion.source_ids or ())
        known = {each.id: each for each in named(self.db, self.workspace_id, [*cited], self.reach, self.remaining + 1)}
        by_successor: dict[str | None, list[Conclusion]] = {}
        for each in self._merged([node.conclusion.id for node in level]):
            by_successor.setdefault(each.successor, []).append(each)
        fresh: list[SourceNode] = []
        for node in level:
            sources = (known[id] for id in node.conclusion.source_ids or () if id in known)
            fresh += self._added(node, node.sources, sources)
            fresh += self._added(node, node.merged, by_successor.get(node.conclusion.id, ()))
        return fresh

    def _added(self, node: SourceNode, children: list[SourceNode], found: Iterable[Conclusion]) -> Iterable[SourceNode]:
        for conclusion in found:
            if not self.remaining:
                node.is_cut = True
                return
            self.remaining -= 1
            child = SourceNode(conclusion, is_repeated=conclusion.id in self.seen)
            children.append(child)
            if not child.is_repeated:
                self.seen.add(conclusion.id)
                yield child

    def _merged(self, ids: Sequence[str]) -> list[Conclusion]:
        within = self.reach.conclusions()
        found = self.db.execute(
            f"""SELECT {COLUMNS} {FROM_KEPT} AND c.successor {in_array("text")} AND c.ended_as = 'merged'
                AND {within.sql} ORDER BY c.pk DESC LIMIT ?""",
            (self.workspace_id, array(ids), *within.params, self.remaining + 1),
        )
        return [record(row) for row in found]


def linked(db: Transaction, conclusion: int, visible: SqlClause, limit: int) -> list[Message]:
    """The newest messages behind a conclusion (its row) for which the condition holds, newest first."""
    found = db.execute(
        f"""SELECT l.message FROM conclusion_messages l JOIN messages m ON m.pk = l.message
            JOIN sessions s ON s.pk = m.session
            WHERE l.conclusion = ? AND s.deleted_at IS NULL AND {visible.sql} ORDER BY l.message DESC LIMIT ?""",
        (conclusion, *visible.params, limit),
    ).fetchall()
    by_pk = messages.by_pks(db, [pk for (pk,) in found])
    return sorted(by_pk.values(), key=lambda each: (each.created_at, each.id), reverse=True)


def named(db: Transaction, workspace_id: str, ids: Sequence[str], reach: Reach, limit: int) -> list[Conclusion]:
    """The first of the conclusions that are within reach, whether current or ended."""
    within = reach.conclusions()
    query = f"SELECT {COLUMNS} {FROM_KEPT_IDS} AND {within.sql} ORDER BY wanted.key LIMIT ?"
    return [record(row) for row in db.execute(query, (array(ids), workspace_id, *within.params, limit))]


def readable_ids(db: Transaction, workspace_id: str, found: Iterable[Conclusion], reach: Reach) -> set[str]:
    """The successors of these conclusions that are within reach."""
    ids = [*{each.successor for each in found if each.successor is not None}]
    return {each.id for each in named(db, workspace_id, ids, reach, len(ids))}


def as_readable(db: Transaction, workspace_id: str, found: Sequence[Conclusion], reach: Reach) -> list[Conclusion]:
    """The conclusions as a key sees them, which may be limited."""
    if not reach.is_limited:
        return [*found]
    visible, readable = reach.messages(db, workspace_id), readable_ids(db, workspace_id, found, reach)
    return [shown(each, linked(db, each.pk, visible, MOST_MESSAGES), readable) for each in found]


def shown(conclusion: Conclusion, behind: Sequence[Message], readable: Collection[str]) -> Conclusion:
    """The conclusion for a limited key: it names only these messages, and its successor only if that is readable."""
    details = {**conclusion.details, "message_ids": [each.id for each in reversed(behind)]}
    successor = conclusion.successor if conclusion.successor in readable else None
    return replace(conclusion, details=details, successor=successor)
