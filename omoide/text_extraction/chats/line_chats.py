"""Find the turns of a conversation that was exported as lines of text.

Recognized: WhatsApp (Android and iOS, in many languages), LINE, KakaoTalk, other logs of a date, a name and a text,
messages copied from Telegram, and transcripts of names and texts. A log of a program is none, though its lines look
alike.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path

from omoide.text_extraction.chats.times import DATE, Instant, WrittenDate, instants, written
from omoide.text_extraction.chats.turn import ChatTurn, role_of

WITHIN, HEAD_CHARACTERS = 3, 10_000
"""A conversation begins within so many lines that are not blank, and so many characters."""

FEWEST = 2
"""Turns of a conversation with dates."""

FEWEST_WITHOUT_DATES, MOST_SPEAKERS, SHARE = 4, 8, 0.9
"""A transcript without dates: turns, speakers (each with two turns), and the share of lines that begin a turn."""

FEW_SPEAKERS, MOST_DIFFERENT = 4, 0.7
"""Speakers in any conversation; with more, the largest share of turns that may have a speaker of their own."""

MOST_NAMELESS = 5
"""Dated lines without a speaker, as of somebody who joined, beyond the number of turns: a log of a program has more."""

LONGEST_PLACEHOLDER = 400

_ignored = re.compile("[\u200e\u200f\u202a-\u202c\u2068\u2069\ufeff]+")
_generated = re.compile(
    r"^([\u200e\u200f\ufeff]*\[[^\]\n]+\]\s[^:\n]{1,60}:\s)"
    r"(?:\u200e(?![^\W\d_]{2,20}\s?:\s*$)|[^\n•\u200e]+ • \u200e).*"
)
"""A message of WhatsApp for iOS that is all of the program: media, documents, calls, who joined; but not the line above
the question of a poll."""
_generated_end = re.compile(r"(?<=\S)\s*\u200e<[^<>\n]{1,80}>\s*$")
"""Marks after a text: that it was edited, or what is attached."""
_quotation = re.compile(r"„[^„“”]*[“”]|“[^“”]*”|«[^«»]*»|»[^«»]*«|(?<!\S)\"[^\"]*\"")
_opening = re.compile(r"[„“«»]|(?<!\S)\"")
_time_first = re.compile(r"^(\d{1,2}:\d{2}), (\d{1,2}/\d{1,2}/\d{2,4}) - ")
_NAME = r"(?P<name>[^\n:/=\[\]{}<>\\|]{1,60}?)"

_HEAD = rf"(?P<open>\[)?{DATE}(?(open)\])(?:\s?[-–]|,)?\s+"
_dated = re.compile(rf"{_HEAD}(?:<(?P<nick>[^<>]+)>\s|{_NAME}:(?:\s|$))(?P<text>.*)", re.VERBOSE)
_without_name = re.compile(_HEAD, re.VERBOSE)
_copied = re.compile(rf"{_NAME},\s\[{DATE}\]:?$", re.VERBOSE)
_date = re.compile(DATE, re.VERBOSE)
_day = re.compile(
    r"[-\s]*(?P<day>\d{4}(?:[./-]|年|년)\s?\d{1,2}(?:[./-]|月|월)\s?\d{1,2}(?:日|일)?)(?!\s*\d)[^:\t]{0,20}$"
)
_timed = re.compile(
    r"""(?:(?P<at>(?=[^\t]*\d)[^\t]{4,12})\t(?P<name>[^\t]+)\t
    |\[(?P<nick>[^\[\]]+)\]\s\[(?P<hour>[^\[\]]{4,12})\]\s)(?P<text>.*)""",
    re.VERBOSE,
)
_spoken = re.compile(
    r"(?:\#+\s*|\*\*|__)?(?P<name>[^\W\d_][^\n:*#/=\[\]{}<>\\|.]{0,30}?)(?:\*\*|__)?:(?:\*\*|__)?(?:\s+|$)(?P<text>.*)"
)
_of_program = re.compile(
    r"\b(info|warn|warning|error|err|debug|trace|critical|fatal|notice|verbose|stdout|stderr|kernel|root|main)\b", re.I
)


def turns(text: str) -> list[ChatTurn]:
    """The turns of the conversation in the text; empty if it is none."""
    head = map(_cleaned, text[:HEAD_CHARACTERS].splitlines())
    first = [*islice((line for line in head if line.strip()), WITHIN)]
    for read, begins in ((_dated_turns, _is_dated), (_turns_by_day, _day.match), (_transcript, _spoken.match)):
        if any(map(begins, first)):
            return read([_cleaned(line) for line in text.splitlines()])
    return []


def _cleaned(line: str) -> str:
    """The line without direction marks. WhatsApp sets them before generated text, which becomes a placeholder."""
    if "\u200e" in line:
        line = _generated_end.sub("", _generated.sub(r"\1<>", line))
    return _ignored.sub("", _time_first.sub(r"\2, \1 - ", line))


def _is_dated(line: str) -> bool:
    return _match(line) is not None or _without_name.match(line) is not None


def _match(line: str) -> re.Match[str] | None:
    match = _dated.match(line) or _copied.match(line)
    name = (match.groupdict().get("nick") or match["name"]) if match else ""
    # Not a name: Ben changed the subject to "Plans: 2024"
    return None if _opening.search(_quotation.sub("", name)) else match


def _dated_turns(lines: Sequence[str]) -> list[ChatTurn]:
    heads: list[re.Match[str]] = []
    texts: list[list[str]] = []
    is_of_nobody, nameless = True, 0
    for line in lines:
        if (match := _match(line)) is not None:
            heads.append(match)
            texts.append([match["text"]] if match.re is _dated else [])
            is_of_nobody = False
        elif _without_name.match(line):  # somebody joined, or the like
            is_of_nobody, nameless = True, nameless + 1
        elif not is_of_nobody:
            texts[-1].append(line)
    names = [_name(head) for head in heads]
    if nameless > MOST_NAMELESS + len(heads) or not _are_people(names):
        return []
    return _turns(names, texts, [written(head) for head in heads])


def _turns_by_day(lines: Sequence[str]) -> list[ChatTurn]:
    """Turns that have a time, below lines that have the day."""
    dates: list[WrittenDate] = []
    names: list[str] = []
    texts: list[list[str]] = []
    day = ""
    for line in lines:
        if (match := _day.match(line)) is not None:
            day = match["day"]
        elif (match := _timed.match(line)) and (date := _date.match(f"{day} {match['at'] or match['hour']}")):
            dates.append(written(date))
            names.append(match["name"] or match["nick"])
            texts.append([match["text"]])
        elif texts:
            texts[-1].append(line)
    return _turns(names, texts, dates) if _are_people(names) else []


def _turns(names: Sequence[str], texts: Sequence[Sequence[str]], dates: Sequence[WrittenDate]) -> list[ChatTurn]:
    said = (_without_marks("\n".join(text).strip()) for text in texts)
    return [
        _turn(name, "" if _is_placeholder(text) else text, time)
        for name, text, time in zip(names, said, instants(dates), strict=True)
    ]


def _are_people(names: Sequence[str]) -> bool:
    """Whether a conversation may have these speakers, one for each turn."""
    if len(names) < FEWEST or len({*names}) > max(FEW_SPEAKERS, MOST_DIFFERENT * len(names)):
        return False
    return not any(map(_of_program.search, names))


def _transcript(lines: Sequence[str]) -> list[ChatTurn]:
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        if (match := _spoken.match(line)) is not None and _is_name(match["name"]):
            found.append((match["name"].strip(), [match["text"]]))
        elif found:
            found[-1][1].append(line)
    counts = Counter(name for name, _ in found)
    written_lines = sum(bool(line.strip()) for line in lines)
    if (
        len(found) < FEWEST_WITHOUT_DATES
        or len(found) < SHARE * written_lines
        or not 2 <= len(counts) <= MOST_SPEAKERS
        or min(counts.values()) < 2
    ):
        return []
    return [_turn(name, "\n".join(text).strip()) for name, text in found]


def _turn(name: str, text: str, time: Instant | None = None) -> ChatTurn:
    role = role_of(name)
    return ChatTurn(role or name, role is not None, text, *(time or ()))


def _is_name(name: str) -> bool:
    return not name[0].islower() or role_of(name) is not None


def _name(head: re.Match[str]) -> str:
    names = head.groupdict()
    return str(names.get("nick") or names["name"]).strip(" ~\u00a0\u202f")


def _is_placeholder(text: str) -> bool:
    return len(text) <= LONGEST_PLACEHOLDER and _patterns()["texts"].fullmatch(text) is not None


def _without_marks(text: str) -> str:
    """The text without the name of a file above it, and without the mark of an edited message."""
    first, _, rest = text.partition("\n")
    if rest and len(first) <= LONGEST_PLACEHOLDER and _patterns()["attached"].fullmatch(first):
        text = rest.strip()
    at = text.rfind("<") if text.endswith(">") else -1
    return text[:at].rstrip() if at > 0 and _patterns()["edited"].fullmatch(text[at:]) else text


@cache
def _patterns() -> Mapping[str, re.Pattern[str]]:
    data = tomllib.loads((Path(__file__).parent / "placeholders.toml").read_text("utf-8"))
    data["texts"] += data["attached"]
    return {
        name: re.compile("|".join(f"(?:{each})" for each in listed), re.IGNORECASE) for name, listed in data.items()
    }
