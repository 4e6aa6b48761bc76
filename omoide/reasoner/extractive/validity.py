"""When a statement holds in the world: "since March", "until last year", "for five years". Pure, English.

Works on conclusions, in which `dates` has written relative dates out: "since last year (2025)". A period that is named
begins with its first instant and lasts until its end. What the text does not say stays open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from omoide.core.text_cache import text_cache

CACHED_STATEMENTS = 4_096
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_COUNTS = "zero one two three four five six seven eight nine ten eleven twelve"
_NUMBERS = {word: n for n, word in enumerate(_COUNTS.split())} | {
    "a": 1,
    "an": 1,
    "fifteen": 15,
    "twenty": 20,
    "thirty": 30,
    "half a": 0.5,
    "a couple of": 2,
}
_DAYS = {"day": 1, "week": 7, "fortnight": 14, "month": 30.4375, "year": 365.25}

_MONTH = "|".join(map(str.title, MONTHS))
_ISO = r"(?:week of |weekend of |around )?(?P<y>\d{4})(?:-(?P<m>\d\d))?(?:-(?P<d>\d\d))?"
_WHEN = re.compile(
    rf"(?:the )?(?:beginning of |end of |start of |early |late )?(?:"
    rf"(?P<phrase>[a-z' ]{{2,30}}(?: (?:{_MONTH}|\w+day))?|[A-Z]\w+day(?: \w+)?) \({_ISO}\)"
    rf"|(?P<iso>\d{{4}}-\d\d(?:-\d\d)?)\b"
    rf"|(?P<dom>\d\d?)(?:st|nd|rd|th)? (?:of )?(?P<domonth>{_MONTH})(?:,? (?P<domyear>(?:19|20)\d\d))?\b"
    rf"|(?P<month>{_MONTH})(?: (?P<monthday>\d\d?)(?:st|nd|rd|th)?\b(?!\d))?(?:,? (?P<monthyear>(?:19|20)\d\d))?\b"
    rf"|(?P<year>(?:19|20)\d\d)\b)"
)
_SINCE = re.compile(
    r"\b(?:since|as of|between|from|starting(?: from| in| on)?|beginning (?:in|on))(?: about| around)? (?=\S)", re.I
)
_UNTIL = re.compile(
    r"\b(?:until|till|through|from \S+(?: \S+){0,2}? (?:to|until)|between \S+(?: \S+){0,2}?"
    r" and)(?: about| around)? (?=\S)",
    re.I,
)
_BEGUN = re.compile(
    r"\b(?:moved|relocated|joined|started|began|married|got (?:married|engaged|divorced|hired|promoted)|bought|adopted"
    r"|switched|turned|became|retired|quit|left|graduated|stopped|gave up)\b[^.;]*?"
    r" (?:(?:back )?(?:in|on) |(?=(?:last|this|yesterday|today|[a-z\d]+ (?:day|week|month|year)s? ago)\b))"
)
_FOR = re.compile(
    rf"(?:\b(?:has|have)|'ve)\b[^.;,]*? for (?:about |over |almost |nearly |more than |at least |the (?:last|past) )*"
    rf"(?P<n>\d{{1,2}}|{'|'.join(_NUMBERS)}) (?P<unit>day|week|fortnight|month|year)s?\b(?! (?:old|ago))"
)
_FOR_NOW = re.compile(
    rf"\bis (?:staying|living|visiting|working|travel+ing|renting)\b[^.;,]*? for (?:about |the next )*"
    rf"(?P<n>\d{{1,2}}|{'|'.join(_NUMBERS)}) (?P<unit>day|week|fortnight|month|year)s?\b"
)
_PAST = re.compile(r"\bused to (?:be|live|work|have|own|play|smoke|drink|like|love|hate|drive|study|\w+)\b")
_CUE = re.compile(
    r"\b(?:[Ss]ince|[Aa]s of|[Bb]etween|[Ff]rom|[Ss]tart|[Bb]egin|began|[Uu]ntil|[Tt]ill"
    r"|[Tt]hrough|for|used to|moved|relocated|joined"
    r"|married|got|bought|adopted|switched|turned|became|retired|quit|left|graduated|stopped|gave up)"
)
"""What every statement that tells a time has one of."""
_AHEAD = re.compile(r"\b(?:will|is going to|'ll)\b")
_OVER = re.compile(r"\b(?:was|were|had|did|\w+ed)\b")


@dataclass(frozen=True, slots=True)
class Validity:
    """`start` and `end` of the time in which a statement holds; None: not said. `end` is exclusive."""

    start: datetime | None = None
    end: datetime | None = None


OPEN = Validity()


def validity(text: str, said_at: datetime) -> Validity:
    """Return when the statement holds, as far as it says so. An impossible interval counts as not said.

    Days are those of `said_at`'s zone.
    """
    return _validity(text, said_at, said_at.utcoffset())  # datetimes in different zones may be equal


@text_cache(maxsize=CACHED_STATEMENTS)
def _validity(text: str, said_at: datetime, _: timedelta | None) -> Validity:
    if '"' in text and "said:" not in text:
        return OPEN
    if not _CUE.search(text):
        return OPEN
    start = _after(_SINCE, text, said_at, 0)
    end = _after(_UNTIL, text, said_at, 1)
    if match := _FOR.search(text):
        start = start or said_at - _span(match)
    elif match := _FOR_NOW.search(text):
        start, end = start or said_at, end or said_at + _span(match)
    elif start is None:
        start = _after(_BEGUN, text, said_at, 0)
        start = start if start is None or start <= said_at else None
    if end is None and _PAST.search(text):
        end = said_at
    return Validity(start, end) if start is None or end is None or start < end else OPEN


def _span(match: re.Match[str]) -> timedelta:
    count = match["n"]
    return timedelta(days=(int(count) if count.isdigit() else _NUMBERS[count]) * _DAYS[match["unit"]])


def _after(pattern: re.Pattern[str], text: str, said_at: datetime, edge: int) -> datetime | None:
    """The first instant of the date after the pattern, or with `edge` 1 the end of it; None if there is no date."""
    for found in pattern.finditer(text):
        if (match := _WHEN.match(text, found.end())) and (period := _period(match, text[: found.start()], said_at)):
            return period[edge]
    return None


def _period(match: re.Match[str], before: str, said_at: datetime) -> tuple[datetime, datetime] | None:
    """First instant of a date, and of what follows it. A month without a year is the nearest that fits the tense."""
    try:
        if match["phrase"]:
            days = 7 if "week of" in match[0] else 2 if "weekend of" in match[0] else 1
            return _of(said_at, int(match["y"]), _number(match["m"]), _number(match["d"]), days=days)
        if match["iso"]:
            parts = [*map(int, match["iso"].split("-"))]
            return _of(said_at, parts[0], parts[1], parts[2] if len(parts) > 2 else None)
        if match["year"]:
            return _of(said_at, int(match["year"]), None, None)
        name, day, year = (
            (match["domonth"], match["dom"], match["domyear"]) if match["domonth"]
            else (match["month"], match["monthday"], match["monthyear"])
        )  # fmt: skip
        month = MONTHS.index(name.lower()) + 1
        return _of(said_at, int(year) if year else _year_of(month, match, before, said_at), month, _number(day))
    except (ValueError, OverflowError):
        return None


def _year_of(month: int, match: re.Match[str], before: str, said_at: datetime) -> int:
    """The year of a month without one: the last that has begun, or the next one after `until` in the present tense."""
    opening = match.string[len(before) : match.start()].lower()
    is_ahead = opening.startswith(("until", "till", "through", "starting", "beginning")) or _AHEAD.search(before)
    if is_ahead and not _OVER.search(before):
        return said_at.year + (month < said_at.month)
    return said_at.year - (month > said_at.month)


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _of(
    said_at: datetime, year: int, month: int | None, day: int | None, *, days: int = 1
) -> tuple[datetime, datetime]:
    start = datetime(year, month or 1, day or 1, tzinfo=said_at.tzinfo)
    if day:
        return start, start + timedelta(days)
    following = (year + 1, 1) if not month or month == 12 else (year, month + 1)
    return start, datetime(*following, 1, tzinfo=said_at.tzinfo)
