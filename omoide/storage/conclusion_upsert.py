"""Upsert extracted conclusions per observer: insert, reinforce or replace.

A fact with the same text as a conclusion from the same session reinforces it; so does a near-duplicate
(`NearDuplicate`), of which the richer text is kept. When a conclusion is replaced, others that cite it cite its
replacement instead. Everything happens in the transaction that marks the messages as processed.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from omoide.core.clock import new_id
from omoide.core.records import Fact, Json
from omoide.storage import conclusion_endings, conclusion_links, conclusions, embeddings, rows
from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.conclusion_endings import Ended
from omoide.storage.conclusions import ConclusionRow, Target
from omoide.storage.content_hash import content_hash
from omoide.storage.dialect import ORDERED_JOIN, array, greatest, holds_text, unnest, without_index

Pair = tuple[int, int]

FIRST = -(2**63)
_OFFSET = "utc_offset"
MOST_MESSAGES = 20
"""Maximum number of source messages kept per conclusion, the newest ones."""


class KnownConclusion(NamedTuple):
    """An existing conclusion: its row and its text."""

    pk: int
    content: str


@dataclass(frozen=True, slots=True)
class NearDuplicate:
    """An existing conclusion (its row) that says the same as a fact."""

    pk: int
    is_poorer: bool
    """Whether the fact has the richer text and replaces it."""


def upsert(db: Transaction, target: Target, facts: Sequence[Fact], twins: Mapping[int, NearDuplicate], now: int) -> int:
    """Upsert the facts, and return the number of new ones. `twins` is index of a fact → near-duplicate."""
    digests = [content_hash(fact.content) for fact in facts]
    denied = conclusion_endings.denied(db, target.pair, digests)
    known = _same(db, target, digests)
    new: dict[int, ConclusionRow] = {}
    fresh = 0
    for number, (fact, digest) in enumerate(zip(facts, digests, strict=True)):
        if digest in new:  # facts that differ in case only
            conclusions.insert_all(db, target, [*new.values()], now)
            known |= _same(db, target, [digest])
            new.clear()
        twin = twins.get(number)
        if denied.get(digest, FIRST) >= fact.said_at:
            continue
        if digest in known:
            _reinforce(db, known[digest], fact)
        elif twin is None or (times := _times(db, twin.pk)) is None:
            new[digest] = _new(fact, 1, now)
            fresh += 1
        elif twin.is_poorer:
            new[digest] = _new(fact, times + 1, now)
            replace(db, target.pair, twin.pk, [new[digest].id], now)
            known = {each: pk for each, pk in known.items() if pk != twin.pk}
        else:
            _reinforce(db, twin.pk, fact)
    conclusions.insert_all(db, target, [*new.values()], now)
    if facts:
        embeddings.enqueue(db, now)
    return fresh


def _same(db: Transaction, target: Target, digests: Sequence[int]) -> dict[int, int]:
    """Digest → conclusion (its row) with the same text."""
    found = db.execute(
        f"""SELECT c.same, c.pk FROM {unnest("bigint", "wanted")} {ORDERED_JOIN} conclusions c ON c.same = wanted.value
           WHERE c.observer = ? AND c.observed = ? AND c.deleted_at IS NULL
           AND c.level = 'explicit' AND c.session = ? ORDER BY c.pk DESC""",
        (array(digests), *target.pair, target.session),
    )
    return dict(found.fetchall())


def _reinforce(db: Transaction, pk: int, fact: Fact) -> None:
    """Reinforce a conclusion with a fact: count it, add its messages and advance `said_at`."""
    id, text, last = db.execute("SELECT id, details, said_at FROM conclusions WHERE pk = ?", (pk,)).fetchone()
    details = _details((text,))
    if rows.mended(["conclusions.said_at"], (last,))[0] <= fact.said_at:
        details.pop(_OFFSET, None)
        details |= _offset(fact)
    conclusion_links.link(db, [(message, id) for message in fact.message_ids])
    ids = [*dict.fromkeys([*details.get("message_ids", []), *fact.message_ids])][-MOST_MESSAGES:]
    db.execute(
        f"""UPDATE conclusions SET times_derived = coalesce(CAST(times_derived AS BIGINT), 0) + 1,
           said_at = {greatest("coalesce(CAST(said_at AS BIGINT), 0)", "?")}, details = ?
           WHERE pk = ?""",
        (fact.said_at, orjson.dumps({**details, "message_ids": ids}).decode(), pk),
    )


_details = rows.reader(["conclusions.details"], lambda row: rows.from_text(row[0]))


def _times(db: Transaction, pk: int) -> int | None:
    row = db.execute("SELECT times_derived FROM conclusions WHERE pk = ? AND deleted_at IS NULL", (pk,)).fetchone()
    return rows.mended(["conclusions.times_derived"], row)[0] if row else None


def _new(fact: Fact, times: int, now: int) -> ConclusionRow:
    return ConclusionRow(
        new_id(now),
        fact.content,
        fact.said_at,
        details_of(fact),
        times_derived=times,
        valid_from=fact.valid_from,
        valid_until=fact.valid_until,
        message_ids=fact.message_ids,
        topics=fact.topics,
    )


def details_of(fact: Fact) -> Json:
    """The details of a conclusion that the fact becomes."""
    return {"message_ids": [*fact.message_ids], **_offset(fact)}


def _offset(fact: Fact) -> Json:
    return {_OFFSET: fact.utc_offset} if fact.utc_offset else {}


def replace(db: Transaction, pair: Pair, old: int, new_ids: Sequence[str], now: int) -> None:
    """Replace a conclusion (its row) by others, also in the sources of the pair's conclusions.

    One that is replaced by one other is kept as merged with it; otherwise it is deleted.
    """
    (old_id,) = db.execute("SELECT id FROM conclusions WHERE pk = ?", (old,)).fetchone()
    citing = db.execute(
        f"""SELECT pk, source_ids FROM conclusions WHERE observer = ? AND observed = ? AND deleted_at IS NULL
           AND level <> 'explicit' AND {holds_text("source_ids")}""",
        (*pair, old_id),
    ).fetchall()
    for pk, text in citing:
        replaced = (new_ids if id == old_id else [id] for id in conclusions.sources_of((text,)))
        sources = [*dict.fromkeys(itertools.chain.from_iterable(replaced))]
        db.execute("UPDATE conclusions SET source_ids = ? WHERE pk = ?", (orjson.dumps(sources).decode(), pk))
    if len(new_ids) == 1:
        conclusion_endings.end(db, [Ended(old, "merged", new_ids[0])], now)
    else:
        conclusions.hide(db, [old], now)


def known(db: Transaction, pair: Pair, session: int, limit: int) -> list[KnownConclusion]:
    """The pair's newest explicit conclusions from the session."""
    # Uses the index on the session, because the pair may have many more conclusions from other sessions.
    query = f"""SELECT pk, content FROM conclusions WHERE session = ?
        AND {without_index("observer")} = ? AND {without_index("observed")} = ?
        AND level = 'explicit' AND deleted_at IS NULL ORDER BY pk DESC LIMIT ?"""
    return [KnownConclusion(pk, as_text(content)) for pk, content in db.execute(query, (session, *pair, limit))]
