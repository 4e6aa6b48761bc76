"""End the conclusions that newly stored facts supersede or correct.

Runs in the transaction that stores the facts, once per observer: observers may know different things. Order is by when
things were said, so a fact that is older than what is known arrives superseded and supersedes nothing newer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from omoide.core.records import Effect, Fact
from omoide.storage import Transaction, conclusion_endings, conclusion_links
from omoide.storage.conclusion_endings import Ended
from omoide.storage.conclusion_links import Pair, Rival
from omoide.storage.content_hash import content_hash

Judge = Callable[[str, str], Effect | None]
"""What a newer statement (first) says about an older one (second)."""


def supersede(db: Transaction, pair: Pair, facts: Sequence[Fact], judge: Judge, now: int) -> list[Ended]:
    """End what the facts, which are stored already, supersede or correct, and return it."""
    endings = [*_stated(db, pair, facts)]
    topics = frozenset[str]().union(*(fact.topics for fact in facts))
    if topics:
        order = {content_hash(fact.content): number for number, fact in enumerate(facts)}
        gone = {each.pk for each in endings}
        rivals = [each for each in conclusion_links.rivals(db, pair, topics) if each.pk not in gone]
        endings += _superseded(db, rivals, order, judge)
    conclusion_endings.end(db, endings, now)
    return endings


def _stated(db: Transaction, pair: Pair, facts: Sequence[Fact]) -> Iterator[Ended]:
    """What the facts name themselves as wrong, or as no longer true."""
    for fact in facts:
        if not (fact.corrects or fact.replaces):
            continue
        stored = conclusion_links.with_text(db, pair, [content_hash(fact.content)])
        successor = stored[-1][1] if stored else None
        wrong = conclusion_links.with_text(db, pair, [*map(content_hash, fact.corrects)])
        yield from (Ended(pk, "invalid", successor) for pk, id, _ in wrong if id != successor)
        over = conclusion_links.with_text(db, pair, [*map(content_hash, fact.replaces)])
        start = fact.said_at if fact.valid_from is None else fact.valid_from
        yield from (Ended(pk, "superseded", successor, start) for pk, id, _ in over if id != successor)


def _superseded(db: Transaction, rivals: Sequence[Rival], order: Mapping[int, int], judge: Judge) -> Iterator[Ended]:
    """Each statement that a newer one supersedes; the newest of these takes its place."""
    by_age = sorted(rivals, key=lambda each: (each.said_at, order.get(each.digest, -1), each.pk))
    for at, older in enumerate(by_age):
        for newer in reversed(by_age[at + 1 :]):
            if not (older.topics & newer.topics) or not {older.digest, newer.digest} & order.keys():
                continue
            if (effect := judge(newer.content, older.content)) is None:
                continue
            start = newer.said_at if newer.valid_from is None else newer.valid_from
            if effect == "superseded":
                conclusion_endings.begin(db, newer.pk, newer.said_at)
            yield Ended(older.pk, effect, newer.id, start if effect == "superseded" else None)
            break
