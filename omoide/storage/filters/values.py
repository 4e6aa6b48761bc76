"""Convert the values of a filter for comparison in SQL: times, exact integers, numbers as text, text forms.

Every function takes a value of parsed JSON that has passed `limits.admit`, and raises `Unprocessable` if it is invalid.
"""

from __future__ import annotations

import json
import math
import re
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation

from omoide.core.clock import to_micros
from omoide.core.errors import Unprocessable

MAX_SHOWN = 100
"""Characters of a caller's value that an error message repeats."""

INT64 = range(-(2**63), 2**63)
"""The range of an SQLite INTEGER."""

MAX_DIGITS = 400
"""Maximum digits of a numeric string that is parsed as an integer; a longer one exceeds every double."""

_DATE = r"\d{4}-\d\d-\d\d|\d{8}|\d{4}-W\d\d(-\d)?|\d{4}W\d\d\d?"
_TIME = r"\d\d(:?\d\d(:?\d\d([.,]\d+)?)?)?"
_ZONE = r"Z|[+-]\d\d(:?\d\d)?"
_instant = re.compile(rf"({_DATE})([T ]({_TIME})({_ZONE})?)?", re.ASCII).fullmatch

_BLANKS = " \t\n\v\f\r"
_BLANK = rf"[{_BLANKS}]*"
_numeric = re.compile(rf"{_BLANK}[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?{_BLANK}", re.ASCII).fullmatch


def shown(value: object) -> str:
    """The value for an error message: truncated, and always encodable."""
    text = type(value).__name__ if isinstance(value, dict | list) else str(value)
    return text[:MAX_SHOWN].encode(errors="backslashreplace").decode()


def exact_number(operand: int | float | str) -> int | float | None:
    """The number of an operand or a numeric string if SQLite cannot compare it exactly: from ±2**63 on; else None.

    SQLite reads integers beyond 64 bits as doubles, so different integers become equal.
    """
    if isinstance(operand, str):
        digits = operand.strip(_BLANKS)
        operand = int(digits) if digits.lstrip("+-").isdecimal() and len(digits) < MAX_DIGITS else float(digits)
    return None if INT64.start < operand < INT64.stop else operand


def is_numeric(text: str) -> bool:
    """Whether SQLite treats the text as a decimal number ("Type affinity" in its documentation): surrounding blanks, a
    sign, a point and an exponent are allowed; `1_0`, `0x10`, `nan` and `inf` are text."""
    return _numeric(text) is not None


def text_form(value: object) -> str:
    """A JSON value as text operators see it: a string unchanged, anything else as JSON with sorted keys."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def json_parameter(value: object) -> str:
    """A value as JSON, for use as a single SQL parameter: SQLite limits their number."""
    return json.dumps(value, ensure_ascii=False)


def microseconds(value: object) -> int:
    """Parse an ISO 8601 date or date and time (UTC if it has no zone) to microseconds since 1970-01-01 UTC."""
    text = value.strip(" ").upper() if isinstance(value, str) else ""
    try:
        if not _instant(text):
            raise ValueError("not a date")
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Unprocessable(f"Invalid datetime value: {shown(value)}") from error
    return to_micros(moment)


def integer_bounds(value: object) -> tuple[int | float, int | float]:
    """Floor and ceiling of a number, a numeric string or a boolean; equal if it is an integer.

    Comparing an INTEGER column with them is exact. A number beyond the range of INTEGER gives two infinities of its
    sign, which equal no column value.
    """
    try:
        number = _decimal(value)
    except (ValueError, InvalidOperation) as error:
        sentence = f"Invalid numeric value: {shown(value)}. Expected a number, got {type(value).__name__}"
        raise Unprocessable(sentence) from error
    if number and number.adjusted() > len(str(INT64.stop)):
        beyond = math.copysign(math.inf, number)
        return beyond, beyond
    floor, ceiling = (int(number.to_integral_value(rounding)) for rounding in (ROUND_FLOOR, ROUND_CEILING))
    return _storable(floor), _storable(ceiling)


def _storable(number: int) -> int | float:
    return number if number in INT64 else math.copysign(math.inf, number)


def _decimal(value: object) -> Decimal:
    if isinstance(value, int | float) or (isinstance(value, str) and is_numeric(value)):
        return Decimal(value)
    raise ValueError("not a number")
