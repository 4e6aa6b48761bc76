"""Resolve relative dates ("yesterday", "last week") against the date of the message. Pure, English only.

A result is as precise as its phrase: a day, `week of` its Monday, `weekend of` its Saturday, a month, a season, a year,
`around` one of these, or two days of which it is one ("last Friday" on a Saturday). Days are those of the speaker's
zone. Ambiguous phrases are not resolved ("next Friday" on a Monday, "on Friday" without an event in the past, "last
summer" in autumn), nor are those in quotations or reported speech.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from dateparser.date import DateDataParser  # type: ignore[import-untyped]

from omoide.core.text_cache import text_cache
from omoide.reasoner.extractive.date_context import is_ahead, is_past, is_reported, is_returning

CACHED_PHRASES = 4_096
"""Size of the cache, keyed by phrase and day."""
FEWEST_DAYS_BACK = 3
""""Last Friday" one or two days after a Friday may mean the Friday before it, so both are given."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip

_WEEKDAY = f"(?:{'|'.join(WEEKDAYS)})"
_COUNT = (
    r"(?:\d{1,3}|a couple(?: of)?|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty"
    r"|thirty)"
)
_UNIT = r"(?:day|week|fortnight|month|year)"
_PART = r"(?:\s+(?:morning|afternoon|evening|night))?"
_MONTH = rf"(?-i:{'|'.join(map(str.title, MONTHS))})"
_NO_DATE = (
    rf"(?!,? (?:the )?\d|,? {_MONTH}|(?: and| or| to| through| until|,) (?:on )?{_WEEKDAY}| (?:of|last|next|this)\b"
    r"| (?:morning|afternoon|evening|night)s)"
)
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
"""Season → its first month, in the northern hemisphere."""
SEASON = 3
"""Its length in months; for as long, the next one's namesake and this one are confused."""
MONTHS_AHEAD = 5
""""Next summer" this many months before it means the coming one."""
_PHRASE = re.compile(
    rf"(?<![\w.,/'-])(?:"
    rf"(?P<beyond>the day (?:after tomorrow|before yesterday))"
    rf"|(?P<day>(?:yesterday|tomorrow){_PART}|today|tonight|this (?:morning|afternoon|evening)|last night)"
    rf"|(?P<weekday>(?:this (?:past|coming)|last|next|this|coming|past) {_WEEKDAY}{_PART})"
    rf"|(?P<month>(?:last|next|this) {_MONTH})"
    rf"|(?P<back>back in {_MONTH}(?!,? \d| of\b))"
    rf"|(?P<ofweek>{_WEEKDAY} (?:of )?(?:last|next) week|(?:last|next) week(?: on)? {_WEEKDAY})"
    rf"|(?P<on>on {_WEEKDAY}{_PART}{_NO_DATE})"
    rf"|(?P<weekend>(?:last|next|this(?: past| coming)?|over the|on the|at the) weekend)"
    rf"|(?P<second>the (?:week|weekend|month|year) (?:before last|after next))"
    rf"|(?P<season>(?:last|next|this) (?:{'|'.join(_SEASONS)}))"
    rf"|(?P<span>(?:last|next|this) (?:week|month|year))"
    rf"|(?P<ago>{_COUNT} {_UNIT}s? ago)"
    rf"|(?P<hence>in {_COUNT} {_UNIT}s?(?:['’]s?)?(?: time)?)"
    rf")(?:['’]s)?(?![\w-]|['’]\w|\s*\(|/\w)",
    re.IGNORECASE,
)
_ANOTHER_COUNT = re.compile(
    r"(?:\b(?:ago|no|days?|weeks?|months?|years?|half|or|to|than|over|under|least|most|nearly|almost|about|around|roughly"
    r"|some|approximately|within|every|each|like)(?: and| from| after| before)?|\bevery other|\bonce) $",
    re.IGNORECASE,
)
_COUNTED_FROM = re.compile(
    r"\b(?:(?:days?|weeks?|months?|years?) (?:from|after|before|and)|ago|no|a|half) $", re.IGNORECASE
)
_DEFINITE = re.compile(r"\b(?:the|every|each|of|my|our|his|her|their) $", re.IGNORECASE)
_OF = re.compile(
    rf" (?:of|before last|after next|but one|in (?:the )?(?:month|year|{_MONTH}|\d{{4}}))\b", re.IGNORECASE
)
_SCHEDULED = re.compile(
    r"\b(?:is|are|am|be|[a-z]+'s|i'm|they're|we're|due|starts?|begins?|ends?|expires?|happens?|arrives?|leaves?|flies|fly"
    r"|moves?|travels?|returns?|leaving|flying|moving|starting|coming|arriving|visiting|travel+ing|returning|back"
    r"|getting married|graduating|graduates?|retiring|retires?|meeting|expecting)(?: \S+){0,4} $",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Dated:
    """A phrase, its end in the text, and the resolved date in ISO 8601, optionally with a prefix (`week of`)."""

    phrase: str
    end: int
    date: str


def dated(text: str, said_at: datetime) -> list[Dated]:
    """Return the relative dates of a sentence that can be resolved unambiguously, in order."""
    day = said_at.date()
    return [resolved for match in _PHRASE.finditer(text) if (resolved := _resolved(match, text, day)) is not None]


def with_dates(text: str, said_at: datetime) -> str:
    """Insert each date in parentheses after its phrase: "moved yesterday (2026-11-21)"."""
    pieces, end = [], 0
    for item in dated(text, said_at):
        pieces += [text[end : item.end], f" ({item.date})"]
        end = item.end
    return "".join([*pieces, text[end:]])


def note_of_dates(text: str, said_at: datetime) -> str:
    """Return the dates as a suffix for a quotation: " (yesterday: 2026-11-21)"; empty if there are none."""
    notes = dict.fromkeys(f"{item.phrase}: {item.date}" for item in dated(text, said_at))
    return f" ({'; '.join(notes)})" if notes else ""


def _resolved(match: re.Match[str], text: str, day: date) -> Dated | None:
    start, end = match.span()
    if _is_guarded(match.lastgroup or "", text[:start], match[0], text[end:]):
        return None
    phrase = re.sub(r"['’]s$", "", match[0])
    plain = " ".join(phrase.lower().split())
    if match.lastgroup == "weekend":
        meant = _weekend(plain, day, past=is_past(text[:start], text[end:]), ahead=is_ahead(text[:start], text[end:]))
    else:
        meant = _meaning(match.lastgroup or "", plain, day)
    return Dated(phrase, end, meant) if meant else None


def _is_guarded(kind: str, before: str, phrase: str, after: str) -> bool:
    """Whether the context changes the meaning of the phrase."""
    if is_reported(before):
        return True
    if phrase[0].isupper() and before.strip() and before.rstrip()[-1] not in '.!?:;,-–—"“(':
        return True  # a title, most likely
    near = before[-40:]
    if kind == "ago":
        return bool(_ANOTHER_COUNT.search(near))
    if kind == "hence":
        return not _SCHEDULED.search(before[-60:])
    if kind == "on":
        return not is_past(before, after) or bool(re.match(r",? (?:\S+ )?(?:will|is going)\b|,? \S+'ll\b", after))
    if kind == "back":
        return is_returning(before)
    if kind in {"span", "weekday", "month", "season", "weekend"} and (_DEFINITE.search(near) or _OF.match(after)):
        return True
    return bool(_COUNTED_FROM.search(near))


def _meaning(kind: str, phrase: str, day: date) -> str | None:
    """Resolve a lower-case phrase, whose kind is a group name of `_PHRASE`, relative to a day."""
    match kind:
        case "weekday":
            return _weekday(phrase.split(), day)
        case "month":
            return _month(phrase.split(), day)
        case "ofweek":
            return _day_of_week(phrase.split(), day)
        case "span":
            return _span(phrase, day)
        case "on":
            back = (day.weekday() - WEEKDAYS.index(phrase.split()[1])) % 7
            return _iso(day - timedelta(back)) if back else None
        case "second":
            return _second(phrase.split(), day)
        case "season":
            return _season(phrase.split(), day)
        case "back":
            month = MONTHS.index(phrase.split()[2]) + 1
            return None if month == day.month else f"{day.year - (month > day.month)}-{month:02}"
        case "ago" | "hence":
            return _counted(phrase, day)
    return _iso(_parsed(_as_day(phrase), day))


def _as_day(phrase: str) -> str:
    if phrase == "last night":
        return "yesterday"
    if phrase == "tonight" or phrase.startswith("this "):
        return "today"
    return re.sub(r" (?:morning|afternoon|evening|night)$", "", phrase)


def _weekday(words: list[str], day: date) -> str | None:
    which, name = (words[1], words[2]) if words[1] in {"past", "coming"} else (words[0], words[1])
    target = WEEKDAYS.index(name)
    back = (day.weekday() - target) % 7 or 7
    ahead = (target - day.weekday()) % 7 or 7
    this_week = target - day.weekday()
    if which == "past" or (which == "last" and back >= FEWEST_DAYS_BACK):
        return _iso(day - timedelta(back))
    if which == "last":
        return f"{_iso(day - timedelta(back))} or {_iso(day - timedelta(back + 7))}"
    if which == "coming" or (which == "next" and this_week <= 0) or (which == "this" and this_week > 0):
        return _iso(day + timedelta(ahead))
    return None


def _month(words: list[str], day: date) -> str | None:
    month = MONTHS.index(words[1]) + 1
    if words[0] == "this":
        return f"{day.year}-{month:02}"
    if words[0] == "last" and month >= day.month:
        return f"{day.year - 1}-{month:02}"
    if words[0] == "next" and month <= day.month:
        return f"{day.year + 1}-{month:02}"
    return None


def _day_of_week(words: list[str], day: date) -> str | None:
    target = next(WEEKDAYS.index(word) for word in words if word in WEEKDAYS)
    weeks = 1 if "next" in words else -1
    return _iso(day + timedelta(7 * weeks - day.weekday() + target))


def _weekend(phrase: str, day: date, *, past: bool, ahead: bool) -> str | None:
    """Resolve a weekend. On a Saturday or Sunday, "this weekend" has begun."""
    weekday = day.weekday()
    this_one = day - timedelta(weekday - 5) if weekday >= 5 else None
    coming, last = day + timedelta((5 - weekday) % 7 or 7), day - timedelta(weekday + 2)
    which = phrase.removesuffix(" weekend")
    if which == "last":
        return _of_weekend(last)
    if which == "next":  # on other days the coming one, or the one after it
        return _of_weekend(coming) if this_one else None
    if which in {"this past", "this coming"}:
        return None if this_one else _of_weekend(last if which == "this past" else coming)
    if which == "this" and this_one:
        return _of_weekend(this_one)
    if past and not ahead and weekday <= 2:
        return _of_weekend(last)
    return _of_weekend(coming) if ahead and not past and which == "this" and not this_one else None


def _of_weekend(saturday: date) -> str:
    return f"weekend of {saturday.isoformat()}"


def _second(words: list[str], day: date) -> str | None:
    """Resolve "the week before last" and "the month after next"."""
    unit, step = words[1], 1 if words[2] == "after" else -1
    if unit == "weekend":
        saturday = day - timedelta(day.weekday() - 5) if day.weekday() >= 5 else day + timedelta(5 - day.weekday())
        is_sure = day.weekday() >= 5 or step < 0
        return _of_weekend(saturday + timedelta(14 * step)) if is_sure else None
    if unit == "week":
        return _at_precision(unit, day + timedelta(14 * step))
    months = 12 * day.year + day.month - 1 + step * (2 if unit == "month" else 24)
    return _at_precision(unit, date(months // 12, months % 12 + 1, 1))


def _season(words: list[str], day: date) -> str | None:
    """Resolve a season to its year, which also names the southern one that ends in it."""
    which, name = words
    first = _SEASONS[name]
    since = (day.month - first) % 12
    year = day.year - (day.month < first)
    if which == "this":
        return _named_season(name, year) if since < SEASON else None
    if which == "last":
        return _named_season(name, year - (since < SEASON)) if not SEASON <= since < 2 * SEASON else None
    return _named_season(name, year + 1) if since < SEASON or 12 - since >= MONTHS_AHEAD else None


def _named_season(name: str, year: int) -> str:
    return f"winter {year}/{(year + 1) % 100:02}" if name == "winter" else f"{name} {year}"


def _span(phrase: str, day: date) -> str | None:
    which, unit = phrase.split()
    resolved = day if which == "this" else _parsed(phrase, day)
    return _at_precision(unit, resolved)


def _counted(phrase: str, day: date) -> str | None:
    """Resolve a count of units. Days are exact; larger units are round figures, so the result is `around` a date."""
    unit = re.search(rf"{_UNIT}", phrase)
    plain, is_vague = re.subn(r"\ba couple(?: of)?\b", "two", re.sub(r"['’]s?|\s+time$", "", phrase))
    resolved = _parsed(plain, day)
    if unit is None or resolved is None:
        return None
    if unit[0] == "day" and not is_vague:
        return _iso(resolved)
    if unit[0] in {"month", "year"}:
        return f"around {_at_precision(unit[0], resolved)}"
    return f"around {_iso(resolved)}"


def _at_precision(unit: str, value: date | None) -> str | None:
    if value is None:
        return None
    if unit == "week":
        return f"week of {_iso(value - timedelta(value.weekday()))}"
    return f"{value.year:04}-{value.month:02}" if unit == "month" else f"{value.year:04}"


def _iso(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


@text_cache(maxsize=CACHED_PHRASES)
def _parsed(phrase: str, day: date) -> date | None:
    """Parse with dateparser, relative to noon of that day."""
    settings = {"RELATIVE_BASE": datetime.combine(day, time(12))}
    value = DateDataParser(languages=["en"], settings=settings).get_date_data(phrase).date_obj
    return value.date() if isinstance(value, datetime) else None
