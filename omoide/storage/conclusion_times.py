"""Read conclusions as of another time: which rows are seen, and what was known of them.

`CURRENT` is part of every statement that reads conclusions; for another time, or with ended conclusions, another
condition takes its place. What was learned after `as_of` is removed from the records: that a conclusion has ended, the
end of its validity if that came from a later one, and messages that said it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from omoide.core.clock import after_ids
from omoide.core.records import NOW, Conclusion, Moment
from omoide.storage import rows
from omoide.storage.base import Transaction
from omoide.storage.dialect import ORDERED_JOIN, array, unnest
from omoide.storage.filters import CONCLUSION_FIELDS, FilterFields, SqlClause

CURRENT = SqlClause("c.deleted_at IS NULL")
_KEPT = "(c.deleted_at IS NULL OR c.ended_as IS NOT NULL)"


def seen(moment: Moment = NOW, *, with_ended: bool = False) -> SqlClause:
    """The condition on conclusions `c` that a read sees; `with_ended`: whatever became of them."""
    if moment == NOW and not with_ended:
        return CURRENT
    as_of, valid_at = moment.as_of, moment.valid_at
    terms = SqlClause(_KEPT) if with_ended else _not_ended(moment)
    sql, params = terms.sql, [*terms.params]
    if as_of is not None:
        sql, params = f"{sql} AND c.created_at <= ?", [*params, as_of]
    if valid_at is not None:
        until = _valid_until(as_of)
        sql += f" AND coalesce(c.valid_from <= ?, TRUE) AND coalesce({until} > ?, TRUE)"
        params += [valid_at, valid_at]
    return SqlClause(sql, (*params,))


def _not_ended(moment: Moment) -> SqlClause:
    """What was current, or if the read is about what held at a time, at most superseded."""
    terms, params = ["c.deleted_at IS NULL"], []
    if moment.valid_at is not None:
        terms.append("c.ended_as = 'superseded'")
    if moment.as_of is not None:
        terms.append("c.ended_as IS NOT NULL AND c.deleted_at > ?")
        params.append(moment.as_of)
    return SqlClause(f"({' OR '.join(terms)})", (*params,))


def _ended_later(as_of: int) -> str:
    # A number, because the SQL of a filter's field has no parameters.
    return f"c.deleted_at > {as_of:d}"


def _valid_until(as_of: int | None) -> str:
    if as_of is None:
        return "c.valid_until"
    start = "SELECT coalesce(x.valid_from, x.said_at) FROM conclusions x WHERE x.id = c.successor"
    closed = f"{_ended_later(as_of)} AND c.ended_as = 'superseded' AND c.valid_until = ({start})"
    return f"CASE WHEN {closed} THEN NULL ELSE c.valid_until END"


def fields(as_of: int | None) -> FilterFields:
    """The fields of filters, with the values that they had."""
    if as_of is None:
        return CONCLUSION_FIELDS
    known = CONCLUSION_FIELDS.by_name
    later = _ended_later(as_of)
    then = {
        "status": f"CASE WHEN {later} THEN 'current' ELSE {known['status'].sql} END",
        "ended_at": f"CASE WHEN {later} THEN NULL ELSE c.deleted_at END",
        "superseded_by": f"CASE WHEN {later} THEN NULL ELSE c.successor END",
        "valid_until": _valid_until(as_of),
    }
    changed = {name: replace(known[name], sql=f"({sql})") for name, sql in then.items()}
    return replace(CONCLUSION_FIELDS, by_name={**known, **changed})


def as_known(db: Transaction, found: Sequence[Conclusion], moment: Moment) -> list[Conclusion]:
    """The conclusions without what was learned of them after `as_of`."""
    as_of = moment.as_of
    if as_of is None:
        return [*found]
    ended_later = [each for each in found if each.ended_at is not None and each.ended_at > as_of]
    starts = _starts(db, {each.successor for each in ended_later if each.successor is not None})
    said = _said(db, [each.pk for each in found if each.said_at > as_of], as_of)
    return [_as_known(each, as_of, starts, said) for each in found]


def _as_known(each: Conclusion, as_of: int, starts: Mapping[str, int], said: Mapping[int, int]) -> Conclusion:
    later = after_ids(as_of)
    if any(id >= later for id in each.message_ids):
        ids = [id for id in each.message_ids if id < later]
        each = replace(each, details={**each.details, "message_ids": ids})
    if each.said_at > as_of:
        each = replace(each, said_at=said.get(each.pk, min(each.created_at, as_of)))
    if each.ended_at is None or each.ended_at <= as_of:
        return each
    is_closed = each.ended_as == "superseded" and each.valid_until == starts.get(each.successor or "")
    valid_until = None if is_closed else each.valid_until
    return replace(each, ended_at=None, ended_as=None, successor=None, valid_until=valid_until)


def _starts(db: Transaction, ids: Iterable[str]) -> dict[str, int]:
    """Conclusion → when it began to hold, or was said."""
    found = db.execute(
        f"""SELECT c.id, c.said_at, c.valid_from FROM {unnest("text", "wanted")}
            {ORDERED_JOIN} conclusions c ON c.id = wanted.value""",
        (array([*ids]),),
    )
    columns = ["", "conclusions.said_at", "conclusions.valid_from"]
    stored = [rows.mended(columns, row) for row in found]
    return {id: said_at if valid_from is None else valid_from for id, said_at, valid_from in stored}


def _said(db: Transaction, pks: Sequence[int], as_of: int) -> dict[int, int]:
    """Conclusion → when the newest of its messages that were known was said."""
    if not pks:
        return {}
    found = db.execute(
        f"""SELECT x.conclusion, max(m.created_at) FROM {unnest("bigint", "wanted")}
            {ORDERED_JOIN} conclusion_messages x ON x.conclusion = wanted.value
            {ORDERED_JOIN} messages m ON m.pk = x.message
            WHERE m.created_at <= ? AND m.id < ? GROUP BY x.conclusion""",
        (array(pks), as_of, after_ids(as_of)),
    )
    return {pk: rows.mended(["messages.created_at"], (at,))[0] for pk, at in found}
