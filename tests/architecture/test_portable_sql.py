"""SQL in `omoide/storage/*.py` is SQL that PostgreSQL has as well; SQLite's own belongs in `omoide/storage/sqlite`."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

ROOT = Path(__file__).parents[2]
CONDITIONS = (exp.Predicate, exp.Connector, exp.Not)

FUNCTIONS = frozenset(
    {"all", "any", "avg", "coalesce", "count", "greatest", "jsonb_array_elements", "jsonb_build_array", "jsonb_each"}
    | {"jsonb_exists", "jsonb_exists_all", "jsonb_exists_any", "jsonb_object_agg", "least", "length", "lower", "max"}
    | {"min", "octet_length", "omoide_casefold", "omoide_literal", "strpos", "sum", "unnest"}
)
"""Functions that PostgreSQL has, with any number of arguments that is used here."""


@pytest.fixture(scope="module")
def statements() -> list[tuple[str, str]]:
    composed = subprocess.run(
        [sys.executable, "-m", "tests.architecture.portable_statements"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [(place, sql) for place, sql in json.loads(composed.stdout)]


def test_every_statement_is_sql_of_postgresql(statements: list[tuple[str, str]]) -> None:
    assert len(statements) > 250
    found = {f"{place}: {fault}" for place, sql in statements for fault in faults(sql)}
    assert not found, "\n".join(
        ["Write these portably, or move them to omoide/storage/sqlite (docs/decisions/0034):", *sorted(found)]
    )


@pytest.mark.parametrize(
    ("sql", "fault"),
    [
        ("INSERT OR IGNORE INTO t (a) VALUES (?)", "INSERT OR"),
        ("INSERT INTO t (a) VALUES (?) ON CONFLICT DO UPDATE SET a = excluded.a", "no conflict target"),
        ("INSERT INTO t (a) VALUES (?) ON CONFLICT (b) DO UPDATE SET a = a + 1", "column a without its table"),
        ("INSERT INTO t VALUES (?)", "no list of columns"),
        ("SELECT a FROM t CROSS JOIN u ON u.b = t.b", "CROSS JOIN with ON"),
        ("SELECT a FROM t INDEXED BY i", "cannot be parsed"),
        ("SELECT a FROM (SELECT a FROM t)", "subquery without a name"),
        ("SELECT ifnull(a, b) FROM t", "ifnull"),
        ("SELECT max(a, b) FROM t", "max of 2"),
        ("SELECT json_extract(a, ?) FROM t", "json_extract"),
        ("SELECT a FROM t WHERE b IS ?", "IS with a value"),
        ("SELECT a FROM t WHERE b IS NOT ?", "IS with a value"),
        ("SELECT a FROM t WHERE a GLOB ?", "GLOB"),
        ('SELECT a FROM t WHERE b = "text"', "double quotes"),
        ("SELECT a FROM t LIMIT -1", "negative LIMIT"),
        ("SELECT a FROM t WHERE b = ?1", "cannot be parsed"),
        ("SELECT rowid FROM t", "rowid"),
        ("SELECT DISTINCT a FROM t ORDER BY b", "DISTINCT ordered by b"),
        ("SELECT sum(a = 1) FROM t", "sum of a condition"),
        ("SELECT a FROM t WHERE TRUE AND 1", "number as a condition"),
        ("PRAGMA secure_delete", "PRAGMA"),
    ],
)
def test_the_check_finds_what_postgresql_lacks(sql: str, fault: str) -> None:
    assert [*faults(sql)] == [fault]


def faults(sql: str) -> Iterator[str]:
    """What PostgreSQL lacks or reads differently in a statement, one by one."""
    # sqlglot reads these as what PostgreSQL has instead.
    yield from re.findall(r"\b(ifnull|iif|json_extract)\(", sql, re.IGNORECASE)
    try:
        tree = sqlglot.parse_one(sql, read="postgres")
    except sqlglot.errors.ParseError:
        yield "cannot be parsed"
        return
    for node in tree.walk():
        for kind, check in _CHECKS:
            if isinstance(node, kind) and (fault := check(node)):
                yield fault


def _insert(node: exp.Insert) -> str | None:
    if node.args.get("alternative"):
        return "INSERT OR"
    if not isinstance(node.this, exp.Schema):
        return "no list of columns"
    return None


def _conflict(node: exp.OnConflict) -> str | None:
    if not node.expressions:
        return None
    if not node.args.get("conflict_keys"):
        return "no conflict target"
    values = [each.expression for each in node.expressions if isinstance(each, exp.EQ)]
    if where := node.args.get("where"):
        values.append(where)
    bare = next((column for value in values for column in value.find_all(exp.Column) if not column.table), None)
    return f"column {bare.name} without its table" if bare else None


def _function(node: exp.Func) -> str | None:
    if isinstance(node, exp.Cast | exp.Case | exp.If | exp.JSONExtract | exp.JSONExtractScalar | exp.Connector):
        return None
    name = node.name.lower() if isinstance(node, exp.Anonymous) else node.sql_name().lower()
    name = _NAMES.get(name, name)
    if name in ("max", "min") and node.expressions:
        return f"{name} of {1 + len(node.expressions)}"
    if name in ("sum", "avg") and isinstance(node.this, CONDITIONS):
        return f"{name} of a condition"
    return None if name in FUNCTIONS else name


_NAMES = {
    "exists": "any",
    "explode": "unnest",
    "str_position": "strpos",
    "byte_length": "octet_length",
    "j_s_o_n_b_exists": "jsonb_exists",
    "j_s_o_n_b_object_agg": "jsonb_object_agg",
}


def _is(node: exp.Is) -> str | None:
    return None if isinstance(node.expression, exp.Null | exp.Boolean) else "IS with a value"


def _select(node: exp.Select) -> str | None:
    order = node.args.get("order")
    if not node.args.get("distinct") or order is None:
        return None
    selected = {each.sql() for each in node.expressions}
    other = next((each.this.sql() for each in order.expressions if each.this.sql() not in selected), None)
    return f"DISTINCT ordered by {other}" if other else None


def _subquery(node: exp.Subquery) -> str | None:
    return "subquery without a name" if isinstance(node.parent, exp.From | exp.Join) and not node.alias else None


def _condition(node: exp.And | exp.Or | exp.Not) -> str | None:
    parts = [node.args.get("this"), node.args.get("expression")]
    return "number as a condition" if any(isinstance(part, exp.Literal) for part in parts) else None


_CHECKS = (
    (exp.Insert, _insert),
    (exp.OnConflict, _conflict),
    (exp.Func, _function),
    (exp.Is, _is),
    (exp.Select, _select),
    (exp.And | exp.Or | exp.Not, _condition),
    (exp.Join, lambda node: "CROSS JOIN with ON" if node.kind == "CROSS" and node.args.get("on") else None),
    (exp.Subquery, _subquery),
    (exp.Glob, lambda node: "GLOB"),
    (exp.Pragma, lambda node: "PRAGMA"),
    (exp.Identifier, lambda node: "double quotes" if node.args.get("quoted") else None),
    (exp.Limit, lambda node: "negative LIMIT" if isinstance(node.expression, exp.Neg) else None),
    (exp.Column, lambda node: "rowid" if node.name == "rowid" else None),
)
