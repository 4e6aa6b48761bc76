"""What new facts replace, correct or repeat, as the model says: known conclusions in its prompt, and its answer. Pure.

A wrong replacement is worse than none, so whatever is unsure or degenerate ends nothing; the fact itself is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from omoide.core import clock
from omoide.core.records import Conclusion, Message
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.agentic.derive_output import Statement
from omoide.reasoner.agentic.formatting import barred, holding, single, truncate

LEAST_TOKENS, MOST_TOKENS = 500, 1_000
"""Maximum tokens of known conclusions in the prompt: as many as the peer's messages have, within these limits, so that
comparing costs little more than reading. Twenty to forty conclusions."""
MOST_OF_KNOWN = 300
"""Maximum characters of one of them."""
FIRST_NUMBER = 101
"""The first number of a known conclusion, or more if there are as many messages: a model that confuses the two kinds
names a number that there is not, instead of the wrong conclusion."""
MOST_ENDED = 5
"""Maximum conclusions that one fact may end; a model that names more does not compare them."""
FEW = 3
"""With more known conclusions than these, a fact that ends all of them is refused as well."""

Known = Mapping[int, Conclusion]
"""Number in the prompt → known conclusion."""

_DATE = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?(?!\d)")


@dataclass(frozen=True, slots=True)
class Ends:
    """Contents of the conclusions that no longer hold because of a fact, that it corrects, and that it says again."""

    replaces: tuple[str, ...] = ()
    corrects: tuple[str, ...] = ()
    repeats: tuple[str, ...] = ()


def numbered_known(
    known: Sequence[Conclusion], messages: Mapping[int, Message], tokens: TokenCounter
) -> dict[int, Conclusion]:
    """Number the best conclusions that there is room for next to the messages, oldest first. `known` is best first."""
    kept: list[Conclusion] = []
    said = sum(tokens.count(message.content) for message in messages.values())
    remaining = min(max(LEAST_TOKENS, said), MOST_TOKENS)
    for each in known:
        remaining -= tokens.count(_line(FIRST_NUMBER, each)) + 1
        if remaining < 0:
            break
        kept.append(each)
    kept.sort(key=lambda each: (each.said_at, each.pk))
    return dict(enumerate(kept, max(FIRST_NUMBER, len(messages) + 1)))


def known_lines(known: Known) -> str:
    return "\n".join(_line(number, each) for number, each in known.items())


def _line(number: int, conclusion: Conclusion) -> str:
    """Format number, day, content, and when it holds as far as that is known."""
    content = barred(truncate(single(conclusion.content), MOST_OF_KNOWN))
    said_on = clock.day(conclusion.said_at, conclusion.utc_offset)
    return f"[{number}] {said_on}: {content}{holding(conclusion)}"


def ends_of(statements: Sequence[Statement], known: Known) -> list[Ends]:
    """What each statement ends. Unknown numbers are ignored, and statements that end too much end nothing."""
    ends = [_ends(each, known) for each in statements]
    ended = {content for each in ends for content in (*each.replaces, *each.corrects)}
    is_everything = len(known) > MOST_ENDED and ended >= {each.content for each in known.values()}
    return [Ends(repeats=each.repeats) for each in ends] if is_everything else ends


def _ends(statement: Statement, known: Known) -> Ends:
    same = folded(statement.content)
    replaces, corrects = (
        dict.fromkeys(known[each].content for each in numbers if each in known and folded(known[each].content) != same)
        for numbers in (statement.replaces, statement.corrects)
    )
    repeats = dict.fromkeys(known[each].content for each in statement.repeats if each in known)
    count = len(replaces | corrects)
    if count > MOST_ENDED or (count == len(known) and count > FEW):
        replaces, corrects = {}, {}
    if len(repeats) > FEW:
        repeats = {}
    # Of two answers the milder one: what was never true may not be learned again from the same messages.
    return Ends(
        tuple(each for each in replaces if each not in repeats),
        tuple(each for each in corrects if each not in replaces and each not in repeats),
        tuple(repeats),
    )


def validity(since: str, until: str, utc_offset: int | None = None) -> tuple[int | None, int | None]:
    """The instants from and until which a fact holds, of dates as 2024-05-01, 2024-05 or 2024; the end is exclusive.

    Days are those at the offset. None for a date that cannot be read, and for an interval that is empty.
    """
    begins, ends = (_period(text, clock.zone(utc_offset)) for text in (since, until))
    start, end = (None if begins is None else begins[0]), (None if ends is None else ends[1])
    return (None, None) if start is not None and end is not None and start >= end else (start, end)


def _period(text: str, zone: tzinfo) -> tuple[int, int] | None:
    """First instant of the date, and of what follows it."""
    match = _DATE.match(text)
    if match is None:
        return None
    year, month, day = (int(part) if part else None for part in match.groups())
    try:
        start = datetime(year or 0, month or 1, day or 1, tzinfo=zone)
        if day:
            end = start + timedelta(days=1)
        else:
            end = datetime(
                *((start.year, start.month + 1) if month and month < 12 else (start.year + 1, 1)), 1, tzinfo=zone
            )
        return clock.to_micros(start), clock.to_micros(end)
    except (ValueError, OverflowError):
        return None


def folded(content: str) -> str:
    """The content in the form in which equal ones are found."""
    return single(content).casefold().rstrip(" .!")
