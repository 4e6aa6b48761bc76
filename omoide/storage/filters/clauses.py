"""Parts of a WHERE clause, and how to combine them.

Every clause is two-valued: it is true or false for any row, never NULL, so that NOT keeps exactly the rows that the
clause drops. Every clause can be combined with AND, OR and NOT without further brackets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SqlValue = str | int | float

MAX_FLAT_TERMS = 50
"""Terms joined in one chain. SQLite counts a chain of n terms as n levels and refuses more than 1,000
(`SQLITE_MAX_EXPR_DEPTH`), so longer chains are grouped."""


@dataclass(frozen=True, slots=True)
class SqlClause:
    """An SQL condition with `?` placeholders, and their values in order."""

    sql: str
    params: tuple[SqlValue, ...] = ()


EVERY_ROW = SqlClause("TRUE")
NO_ROW = SqlClause("FALSE")


def all_of(clauses: Iterable[SqlClause]) -> SqlClause:
    """AND: the rows that every clause keeps; without clauses, every row."""
    terms = [clause for clause in clauses if clause != EVERY_ROW]
    return NO_ROW if NO_ROW in terms else _joined(" AND ", terms, EVERY_ROW)


def any_of(clauses: Iterable[SqlClause]) -> SqlClause:
    """OR: the rows that at least one clause keeps; without clauses, none."""
    terms = [clause for clause in clauses if clause != NO_ROW]
    return EVERY_ROW if EVERY_ROW in terms else _joined(" OR ", terms, NO_ROW)


def negated(clause: SqlClause) -> SqlClause:
    """NOT: the rows that the clause drops."""
    if clause == EVERY_ROW:
        return NO_ROW
    if clause == NO_ROW:
        return EVERY_ROW
    return SqlClause(f"(NOT {clause.sql})", clause.params)


def _joined(word: str, terms: Sequence[SqlClause], of_none: SqlClause) -> SqlClause:
    while len(terms) > MAX_FLAT_TERMS:
        starts = range(0, len(terms), MAX_FLAT_TERMS)
        terms = [_bracketed(word, terms[start : start + MAX_FLAT_TERMS]) for start in starts]
    return _bracketed(word, terms) if terms else of_none


def _bracketed(word: str, terms: Sequence[SqlClause]) -> SqlClause:
    if len(terms) == 1:
        return terms[0]
    params = tuple(value for term in terms for value in term.params)
    return SqlClause(f"({word.join(term.sql for term in terms)})", params)
