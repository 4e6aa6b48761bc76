"""What every request to a model must be like. Each requirement yields what a prompt has lost. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

from omoide.reasoner.agentic.formatting import WEEKDAYS
from omoide.reasoner.agentic.prompt_templates import TAGS
from tests.recorded.prompt import Prompt

Requirement = Callable[[Prompt], Iterator[str]]

_BARE = re.compile(
    r"(?<!day )(?<!day, )(?<!Mon )(?<!Tue )(?<!Wed )(?<!Thu )(?<!Fri )(?<!Sat )(?<!Sun )\d{4}-\d\d-\d\d \d\d:\d\d"
)
_TAG = re.compile(rf"</?(?:{'|'.join(TAGS)})>")
_LONG_ID = re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w-]{21}(?![\w-])")


def sections(prompt: Prompt) -> Iterator[str]:
    """Each section begins and ends once, so that nothing in it is taken for the prompt itself."""
    for tag, count in Counter(_TAG.findall(prompt.given)).items():
        if count > 1:
            yield f"the border of a section: {tag} is there {count} times"


def order(prompt: Prompt) -> Iterator[str]:
    """Messages come in the order in which they were said, whatever the zone of the speaker."""
    for tag in ("messages", "history"):
        instants = [_instant(line.said) for line in prompt.messages(tag) if line.said[0] != " "]
        if instants != sorted(instants):
            yield f"the order in which the {tag} were said"


def weekdays(prompt: Prompt) -> Iterator[str]:
    """Every instant has its weekday, the one where it was said."""
    for line in [*prompt.messages(), *prompt.messages("history")]:
        weekday, _, day = line.said.partition(" ")
        if not weekday or WEEKDAYS[datetime.fromisoformat(day[:10]).weekday()] != weekday:
            yield f"the weekday of {line.said!r}, {line.text[:40]!r}"
    for match in _BARE.finditer("\n".join([prompt.given, *prompt.results])):
        yield f"the weekday of {match[0]!r}"


def now(prompt: Prompt) -> Iterator[str]:
    """The model is told which day it is, with its weekday."""
    if not re.search(r"now (?:\w+day), \d{4}-\d\d-\d\d \d\d:\d\d", prompt.outside()):
        yield "the present day"


def language(prompt: Prompt) -> Iterator[str]:
    """The model is told in which language to write."""
    if "language" not in prompt.rules:
        yield "the language of the answer"


def instructions(prompt: Prompt) -> Iterator[str]:
    """The wishes of the memory's owner are there."""
    if not prompt.section("instructions"):
        yield "the instructions"


def short_numbers(prompt: Prompt) -> Iterator[str]:
    """Lines have short numbers, not ids."""
    if match := _LONG_ID.search("\n".join([prompt.given, *prompt.results])):
        yield f"short numbers: {match[0]!r} is an id"


def own_numbered(prompt: Prompt) -> Iterator[str]:
    """What the target said is numbered from 1, and only that."""
    said = prompt.messages()
    target = re.search(r"target is (\S+?)[.,\s]", prompt.outside())
    numbers = [int(line.label) for line in said if line.label.isdigit()]
    if numbers != [*range(1, len(numbers) + 1)]:
        yield f"the numbers of messages: {numbers}"
    for line in said:
        if line.label.isdigit() and target and not line.text.startswith(f"{target[1]}: "):
            yield f"the difference between the target and others: {line.text[:60]!r} is numbered"


def _instant(said: str) -> datetime:
    """The instant of `Sun 2026-10-04 22:15 -07:00`; without an offset it is in UTC."""
    _, day, hour, *offset = said.split(" ")
    return datetime.fromisoformat(f"{day} {hour}{offset[0] if offset else '+00:00'}")


ALL: Mapping[str, Requirement] = {
    each.__name__: each
    for each in (sections, order, weekdays, now, language, instructions, short_numbers, own_numbered)
}
