"""Conditions on a value in a JSON column, by its path of keys.

Equality, null and containment are one `@>` on the whole column, which a GIN index (`jsonb_path_ops`) answers.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from omoide.storage.filters.clauses import SqlClause, SqlValue
from omoide.storage.filters.values import json_parameter, text_form
from omoide.storage.postgresql.dialect import array, in_array, stored_json

_TEXT = "(v #>> '{}')"
"""The text form of a value; NULL for null."""

_NUMERIC = r"'^[ \t\n\v\f\r]*[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?[ \t\n\v\f\r]*$'"
"""As `values.is_numeric`, but for numbers beyond every double, which compare with nothing."""
_NUMBER = rf"CAST(btrim({_TEXT}, E' \t\n\v\f\r') AS numeric)"


@dataclass(frozen=True, slots=True)
class JsonPath:
    """The path of a value in the document of a column. The keys are never empty.

    Each method returns the condition for the rows that have a value at this path for which it holds.
    """

    column: str
    keys: tuple[str, ...]

    def below(self, key: str) -> JsonPath:
        return JsonPath(self.column, (*self.keys, key))

    def is_null(self) -> SqlClause:
        return self._contains_below(None)

    def is_not_null(self) -> SqlClause:
        return self._holds("jsonb_typeof(v) <> 'null'")

    def is_object(self) -> SqlClause:
        return self._contains_below({})

    def is_list_with(self, items: list[object]) -> SqlClause:
        """A list that contains all items."""
        return self._contains_below(items)

    def equals(self, scalar: bool | float | str) -> SqlClause:
        """By JSON equality: 5 equals 5.0, and neither equals "5"."""
        return self._contains_below(scalar)

    def compares_as_text(self, symbol: str, text: str) -> SqlClause:
        """By the text form."""
        return self._holds(f'{_TEXT} COLLATE "C" {symbol} ?', (text,))

    def compares_as_number(self, symbol: str, operand: float | str) -> SqlClause:
        """A number, or a numeric string."""
        return self._holds(
            f"CASE WHEN jsonb_typeof(v) IN ('number', 'string') AND {_TEXT} ~ {_NUMERIC}"
            f" THEN {_NUMBER} {symbol} CAST(? AS numeric) ELSE FALSE END",
            (str(operand).strip(),),
        )

    def is_one_of(self, texts: list[str]) -> SqlClause:
        """By the text form."""
        return self._holds(f"{_TEXT} {in_array('text')}", (array(texts),))  # type: ignore[arg-type]

    def contains(self, operand: object) -> SqlClause:
        """The text form contains the operand's text form, or the value is an array that contains the operand (or all
        items of an array operand), or an object that contains the operand."""
        return self._holds(
            f"(strpos(omoide_casefold({_TEXT}), omoide_casefold(?)) > 0"
            " OR jsonb_typeof(v) = 'array' AND v @> CAST(? AS jsonb)"
            " OR jsonb_typeof(v) = 'object' AND v @> CAST(? AS jsonb))",
            (
                text_form(operand),
                json_parameter(operand if isinstance(operand, list) else [operand]),
                json_parameter(operand),
            ),
        )

    def _holds(self, predicate: str, params: Sequence[SqlValue] = ()) -> SqlClause:
        """The rows that have a value at this path for which the predicate on `v` is true."""
        steps = " -> CAST(? AS text)" * len(self.keys)
        value = f"(SELECT {stored_json(self.column)}{steps} AS v) place"
        return SqlClause(f"EXISTS (SELECT 1 FROM {value} WHERE v IS NOT NULL AND {predicate})", (*self.keys, *params))

    def _contains_below(self, value: object) -> SqlClause:
        """The rows whose document contains the value at this path."""
        for key in reversed(self.keys):
            value = {key: value}
        return SqlClause(f"{stored_json(self.column)} @> CAST(? AS jsonb)", (json.dumps(value),))
