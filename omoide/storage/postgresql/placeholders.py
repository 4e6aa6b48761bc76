"""Rewrite the placeholders of portable statements for psycopg.

`?` becomes `%s`, `?1` and `:name` become `%(p1)s` and `%(name)s`, and `%` is doubled. Nothing within quotes is a
placeholder. No portable statement uses `?` or `:` otherwise, but for casts (`::`), which it does not need.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

STATEMENTS_KEPT = 4_096
"""Filters compose statements, so their number is unlimited."""

_token = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\?(?P<number>\d*)|(?<![:\w]):(?P<name>[a-z_]\w*)|%")


class Rewritten(NamedTuple):
    """A statement for psycopg."""

    sql: str
    is_numbered: bool
    """Whether its parameters are numbered: `?1`."""


@lru_cache(maxsize=STATEMENTS_KEPT)
def rewritten(sql: str) -> Rewritten:
    """The statement with psycopg's placeholders."""
    numbered = any(found["number"] for found in _token.finditer(sql))
    position = 0

    def replaced(found: re.Match[str]) -> str:
        nonlocal position
        text = found[0]
        if text.startswith("?"):
            position = int(found["number"]) if found["number"] else position + 1
            return f"%(p{position})s" if numbered else "%s"
        if found["name"]:
            return f"%({found['name']})s"
        return text.replace("%", "%%")

    return Rewritten(_token.sub(replaced, sql), numbered)


def bound(statement: Rewritten, parameters: Sequence[Any] | Mapping[str, Any]) -> Sequence[Any] | Mapping[str, Any]:
    """The parameters as the rewritten statement takes them."""
    if statement.is_numbered and not isinstance(parameters, Mapping):
        return {f"p{number}": value for number, value in enumerate(parameters, 1)}
    return parameters
