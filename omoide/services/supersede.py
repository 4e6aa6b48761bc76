"""End the conclusions that newly stored facts supersede or correct.

Runs in the transaction that stores the facts, once per observer: observers may know different things. Order is by when
things were said, so a fact that is older than what is known arrives superseded and supersedes nothing newer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType

from omoide.core.records import Effect, Fact
from omoide.storage import Transaction, conclusion_endings, conclusion_links
from omoide.storage.conclusion_endings import Ended
from omoide.storage.conclusion_links import Pair, Rival, Stored
from omoide.storage.conclusion_upsert import NearDuplicate
from omoide.storage.content_hash import content_hash

NO_TWINS: Mapping[int, NearDuplicate] = MappingProxyType({})
Judge = Callable[[str, str], Effect | None]
"""What a newer statement (first) says about an older one (second)."""


def supersede(
    db: Transaction,
    pair: Pair,
    facts: Sequence[Fact],
    judge: Judge,
    now: int,
    twins: Mapping[int, NearDuplicate] = NO_TWINS,
) -> list[Ended]:
    """End what the facts, which are stored already, supersede or correct, and return it.

    `twins` is index of a fact → near-duplicate, as given to `conclusion_upsert.upsert`.
    """
    endings = [*_stated(db, pair, facts, twins)]
    topics = frozenset[str]().union(*(fact.topics for fact in facts))
    if topics:
        order = {content_hash(fact.content): number for number, fact in enumerate(facts)}
        gone = {each.pk for each in endings}
        rivals = [each for each in conclusion_links.rivals(db, pair, topics) if each.pk not in gone]
        endings += _superseded(db, rivals, order, judge)
    conclusion_endings.end(db, endings, now)
    return endings


def reconcile(
    db: Transaction, pair: Pair, pks: Sequence[int], digests: Collection[int], judge: Judge, now: int
) -> None:
    """End what conclusions (rows and content hashes) that the pair was given supersede, and those of them that are
    superseded."""
    if topics := conclusion_links.topics_of(db, pks):
        rivals = conclusion_links.rivals_on(db, pair, topics)
        conclusion_endings.end(db, [*_superseded(db, rivals, dict.fromkeys(digests, -1), judge)], now)


def _stated(db: Transaction, pair: Pair, facts: Sequence[Fact], twins: Mapping[int, NearDuplicate]) -> Iterator[Ended]:
    """What the facts name themselves as wrong, or as no longer true. A fact that was not stored ends nothing."""
    for number, fact in enumerate(facts):
        if not (fact.corrects or fact.replaces) or (own := _row_of(db, pair, fact, twins.get(number))) is None:
            continue
        for wrong in conclusion_links.with_text(db, pair, [*map(content_hash, fact.corrects)]):
            if wrong.id != own.id and wrong.said_at <= fact.said_at:
                yield Ended(wrong.pk, "invalid", own.id)
        for old in conclusion_links.with_text(db, pair, [*map(content_hash, fact.replaces)]):
            if old.id == own.id:
                continue
            older, newer = (old, own) if old.said_at <= own.said_at else (own, old)
            conclusion_endings.begin(db, newer.pk, newer.said_at)
            yield Ended(older.pk, "superseded", newer.id, newer.start)


def _row_of(db: Transaction, pair: Pair, fact: Fact, twin: NearDuplicate | None) -> Stored | None:
    """The row of a fact, or the row that says the same and was reinforced by it; None if it was not stored."""
    if found := conclusion_links.with_text(db, pair, [content_hash(fact.content)]):
        return max(found, key=lambda each: (each.said_at, each.pk))
    return None if twin is None else conclusion_links.in_row(db, twin.pk)


def _superseded(db: Transaction, rivals: Sequence[Rival], order: Mapping[int, int], judge: Judge) -> Iterator[Ended]:
    """Each statement that a newer one supersedes; the newest of these takes its place."""
    newest_first = sorted(rivals, key=lambda each: (each.said_at, order.get(each.digest, -1), each.pk), reverse=True)
    newer_ones: list[Rival] = []
    new_ones: list[Rival] = []  # of these; those that were known already have been compared with each other
    for older in newest_first:
        is_new = older.digest in order
        for newer in newer_ones if is_new else new_ones:
            if not (older.topics & newer.topics) or (effect := judge(newer.content, older.content)) is None:
                continue
            if effect == "superseded":
                conclusion_endings.begin(db, newer.pk, newer.said_at)
            yield Ended(older.pk, effect, newer.id, newer.start if effect == "superseded" else None)
            break
        newer_ones.append(older)
        if is_new:
            new_ones.append(older)
