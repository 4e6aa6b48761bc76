"""Parse the times of exported conversations. Only the standard library: see `json_chats`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from datetime import date as calendar_date
from itertools import pairwise
from typing import NamedTuple

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_number = re.compile(r"\d{9,17}(\.\d+)?").fullmatch

_lettered = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})\s?@\s?(\d{1,2})h\s?(\d{1,2})m\s?(\d{1,2})s(?:\s?\d{1,3}ms)?"
).fullmatch
_american = re.compile(r"[A-Z][a-z]{2,8} \d{1,2}, \d{4} \d{1,2}:\d{2}[AaPp][Mm]").fullmatch

_FARTHEST = 14 * 3_600 * 10**6
"""Largest offset of a local time from UTC, in microseconds."""

Instant = tuple[int, int]
"""Microseconds since 1970, and the offset from UTC in minutes."""

# Largest plausible numbers of seconds and of milliseconds: in the year 5138.
_SECONDS, _MILLISECONDS = 10**11, 10**14

DATE = r"""(?P<a>\d{1,4})(?P<sep>[./-]|年|년)[ ]?(?P<b>\d{1,2})(?:[./-]|月|월)[ ]?(?P<c>\d{1,4})
    (?:日|일)?\.?(?:\s?г\.)?[,،]?\s+
    (?:(?:um|at|a\s+las|às|alle|à|kl\.?|klo)\s+)?(?P<before>[^\W\d_]{2})?\s?
    (?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?
    (?:\s?(?P<after>[AaPp]\.?\s?[Mm]\b\.?|[مص]\b|[μπ]\.?μ\b\.?|अपराह्न|पूर्वाह्न))?(?:\s+(?:Uhr|h|ч\.))?"""
"""Regular expression (verbose) of a date and a time of day, as messengers write them in many languages."""

_AFTERNOON = frozenset({"pm", "م", "μμ", "ös", "अपराह्न", "下午", "午後", "오후", "晚上"})
_MORNING = frozenset({"am", "ص", "πμ", "öö", "पूर्वाह्न", "上午", "午前", "오전", "凌晨", "早上"})


def from_value(value: object) -> Instant | None:
    """The time in a value of JSON: a number of seconds, milliseconds or microseconds, or ISO 8601."""
    if isinstance(value, dict):  # of MongoDB
        return from_value(value.get("$date", value.get("$numberLong")))
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        if _number(value):
            return from_value(float(value))
        try:
            return from_datetime(datetime.fromisoformat(value))
        except ValueError:
            return _from_words(value)
    if not isinstance(value, int | float) or not 0 < value < 10**17:
        return None
    seconds = value if value < _SECONDS else value / 1e3 if value < _MILLISECONDS else value / 1e6
    try:
        return from_datetime(_EPOCH + timedelta(seconds=seconds))
    except OverflowError:
        return None


def _from_words(text: str) -> Instant | None:
    """The time in one of the forms of SillyTavern: "2023-6-5 @9h 5m 3s 12ms", or "June 19, 2023 2:20pm"."""
    try:
        if (match := _lettered(text)) is not None:
            year, month, day, hour, minute, second = map(int, match.groups())
            return from_datetime(datetime(year, month, day, hour, minute, second, tzinfo=UTC))
        return from_datetime(datetime.strptime(f"{text} +0000", "%B %d, %Y %I:%M%p %z")) if _american(text) else None
    except ValueError:
        return None


def from_both(local: object, seconds: object) -> Instant | None:
    """The time and the offset of a local time that has also its number of seconds since 1970, as in Telegram."""
    clock, instant = from_value(local), from_value(seconds)
    if clock is None or instant is None or abs(clock[0] - instant[0]) > _FARTHEST:
        return instant if clock is None else None
    return instant[0], round((clock[0] - instant[0]) / 60e6)


def from_datetime(value: datetime) -> Instant:
    if value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    offset = value.utcoffset() or timedelta()
    return (value - _EPOCH) // timedelta(microseconds=1), offset // timedelta(minutes=1)


class WrittenDate(NamedTuple):
    """A date of a file in which the order of day and month is not known yet."""

    numbers: tuple[int, int, int]
    time: tuple[int, int, int]
    is_american: bool
    """Whether it is written with slashes, and AM or PM in capitals."""


def written(match: re.Match[str]) -> WrittenDate:
    """What `DATE` has matched."""
    raw = match["after"] or ""
    marker = re.sub(r"[.\s]", "", match["after"] or match["before"] or "").lower()
    hour = int(match["hour"])
    if marker in _AFTERNOON and hour < 12:
        hour += 12
    elif marker in _MORNING and hour == 12:
        hour = 0
    numbers = (int(match["a"]), int(match["b"]), int(match["c"]))
    time = (hour, int(match["minute"]), int(match["second"] or 0))
    return WrittenDate(numbers, time, match["sep"] == "/" and raw in ("AM", "PM"))


_BUDDHIST, _LATEST = 543, 2400
"""Thai years count from another one; written years after the second are such."""
_PERSIAN = range(1350, 1430)
"""Years of the Persian calendar; those of the Islamic one, which has no fixed months, are not read."""

_ORDERS = {"ymd": (0, 1, 2), "dmy": (2, 1, 0), "mdy": (2, 0, 1)}


def instants(dates: Sequence[WrittenDate]) -> list[Instant | None]:
    """The times of a file's dates, all read in the same order of day, month and year.

    Of the orders in which all dates exist, the one that goes back in time least often; in doubt, the usual one.
    """
    usual = ["mdy", "dmy", "ymd"] if any(each.is_american for each in dates) else ["dmy", "mdy", "ymd"]
    if dates and max(each.numbers[0] for each in dates) > 31:
        usual = ["ymd"]
    readings = [[_instant(each, _ORDERS[order]) for each in dates] for order in usual]
    return min(readings, key=lambda reading: (reading.count(None), _steps_back(reading)), default=[])


def _steps_back(reading: Iterable[Instant | None]) -> int:
    known = [each[0] for each in reading if each is not None]
    return sum(later < earlier for earlier, later in pairwise(known))


def _instant(date: WrittenDate, order: tuple[int, int, int]) -> Instant | None:
    year, month, day = (date.numbers[place] for place in order)
    year = year + 2000 if year < 100 else year - _BUDDHIST if year > _LATEST else year
    try:
        on = _of_persian(year, month, day) if year in _PERSIAN else calendar_date(year, month, day)
        return from_datetime(datetime.combine(on, time(*date.time), UTC)) if on >= _EPOCH.date() else None
    except ValueError:
        return None


def _of_persian(year: int, month: int, day: int) -> calendar_date:
    """The date of one of the Persian calendar, whose leap years repeat after 33 years. Raises ValueError."""
    if not (1 <= month <= 12 and 1 <= day <= (31 if month < 7 else 30)):
        raise ValueError(f"no date of the Persian calendar: {year}-{month}-{day}")
    cycles, years = divmod(year + 1595, 33)
    days = 365 * (year + 1595) + 8 * cycles + (years + 3) // 4 + day
    months = 31 * (month - 1) if month < 7 else 30 * (month - 1) + 6
    return calendar_date.fromordinal(days + months - 356_033)  # so that 1402-10-15 is 2024-01-05
