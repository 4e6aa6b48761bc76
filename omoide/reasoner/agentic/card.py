"""Update a peer card with a model. The model returns all lines; invalid ones are returned to it once, then dropped.

A line needs a conclusion behind it (`card_support`). Lines that API callers wrote are always kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict

from omoide.core.clock import now
from omoide.core.records import Conclusion
from omoide.inference.model_registry import ContextExceeded, UnreadableOutput
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.agentic import prompt_templates
from omoide.reasoner.agentic.card_lines import normalized
from omoide.reasoner.agentic.card_support import Support
from omoide.reasoner.agentic.degenerate import is_degenerate
from omoide.reasoner.agentic.formatting import conclusion_line, present, single
from omoide.reasoner.agentic.model_client import ModelCaller, Opening
from omoide.reasoner.agentic.structured_output import OutputForm, filled
from omoide.reasoner.card_format import (
    MAX_LINES,
    accept_lines,
    folded,
    is_well_formed,
    own_lines,
)
from omoide.reasoner.protocol import CardTask

MOST_ENDED = 100
"""Statements that are no longer true in the prompt, the last ended ones."""
MOST_INPUT, MOST_OUTPUT = 16_384, 4_096
"""Maximum tokens of conclusions in the prompt, and of the output."""
LEVELS_TOLD = frozenset({"explicit", "deductive"})
"""Levels in the prompt. Patterns and contradictions are not facts."""

A_NAME = "999"
"""A short name in a dream's prompt, for counting its tokens."""
NO_KIND = "it begins with none of the four prefixes, says nothing, or has more than 200 characters"
MOST_REFUSED = 20
"""Lines that cannot be used and are returned to the model."""

_NUMBER = re.compile(r"\d{1,9}")
RULES, GIVEN = prompt_templates.load("card.rules"), prompt_templates.load("card.given")
AGAIN = prompt_templates.load("card.again")


class Lines(BaseModel):
    model_config = ConfigDict(extra="ignore")

    lines: list[Any]


SCHEMA = {
    "type": "object",
    "properties": {
        "lines": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "line": {"type": "string", "description": "A line of the card, with its prefix."},
                    "conclusions": {
                        "type": "array",
                        "items": {"type": "integer"},
                        "description": "The numbers of the conclusions that say it.",
                    },
                },
                "required": ["line", "conclusions"],
                "additionalProperties": False,
            },
            "maxItems": MAX_LINES,
            "description": "The card from now on, line by line.",
        }
    },
    "required": ["lines"],
    "additionalProperties": False,
}
FORM = OutputForm("card", SCHEMA, Lines.model_validate, lambda each: not each.lines)


class Revision(NamedTuple):
    """Lines that can be used, and those that cannot, each with the reason."""

    accepted: list[str]
    refused: dict[str, str]


async def card(task: CardTask, caller: ModelCaller, tokens: TokenCounter) -> list[str]:
    """Return the updated card: the given lines, then the model's valid ones; the current card if there are none.

    Raises UnreadableOutput if the model's output cannot be read, and ProviderFailed.
    """
    told = [each for each in task.conclusions if each.level in LEVELS_TOLD]
    budget = MOST_INPUT
    while conclusions := newest_within(told, tokens, budget):
        try:
            return await _revised(task, caller, conclusions)
        except ContextExceeded:
            budget = min(budget, sum(tokens.count(conclusion_line(each)) for each in conclusions)) // 2
            if not newest_within(told, tokens, budget):
                raise
    return [*task.current]


async def _revised(task: CardTask, caller: ModelCaller, conclusions: Sequence[Conclusion]) -> list[str]:
    """Ask for the card, and once more if some of its lines cannot be used."""
    opening, support = _opening(task, conclusions), _support(task, conclusions)
    answer = await filled(caller, opening, FORM, MOST_OUTPUT)
    first = revision(task, support, answer.lines)
    if not first.refused:
        return _with_given(task, first)
    caller.models.card_lines_refused(len(first.refused))
    listed = [f"{line} ({why})" for line, why in first.refused.items()][:MOST_REFUSED]
    shown = "\n".join(map(prompt_templates.neutral, listed))
    again = Opening(opening.rules, f"{opening.given}\n\n{prompt_templates.fill(AGAIN, lines=shown)}")
    try:
        answer = await filled(caller, again, FORM, MOST_OUTPUT)
    except UnreadableOutput:
        return _with_given(task, first)
    second = revision(task, support, answer.lines)
    caller.models.card_lines_refused(len(second.refused))
    return _with_given(task, max((first, second), key=lambda each: len(each.accepted)))


def revision(task: CardTask, support: Support, lines: Sequence[Any]) -> Revision:
    """The model's lines as they can be used, and those that cannot. Pure."""
    given = {folded(line) for line in task.given}
    refused: dict[str, str] = {}
    sound = []
    for text, cited in filter(None, map(_read, lines)):
        if folded(text) in given or is_degenerate(text):
            continue
        line = normalized(text)
        if why := support.refusal(line, cited) if is_well_formed(line) else NO_KIND:
            refused[line] = why
        else:
            sound.append(line)
    return Revision(accept_lines(sound, own_lines(len(task.given))).accepted, refused)


def _read(item: Any) -> tuple[str, list[int]] | None:
    """The text of a line and the numbers that it cites, in whatever form a model gives them; None if there is none."""
    if isinstance(item, str):
        item = {"line": item}
    if not isinstance(item, dict):
        return None
    text = next((item[key] for key in ("line", "text", "content") if isinstance(item.get(key), str)), "")
    cited = item.get("conclusions")
    numbers = (
        [int(digits) for each in cited for digits in _NUMBER.findall(str(each))] if isinstance(cited, list) else []
    )
    line = single(prompt_templates.plain(text))
    return (line, numbers) if line else None


def _with_given(task: CardTask, made: Revision) -> list[str]:
    """Combine the given lines with the model's; the current card if there are none. Pure."""
    return [*task.given, *made.accepted] if made.accepted else [*task.current]


def _support(task: CardTask, conclusions: Sequence[Conclusion]) -> Support:
    shown = {number: conclusion_line(each) for number, each in enumerate(conclusions, 1)}
    return Support(shown, _current(task), (task.observed_id, task.observer_id))


def _current(task: CardTask) -> list[str]:
    """The lines of the card that are the server's own, unless it is rebuilt."""
    given = {*task.given}
    return [] if task.rebuild else [line for line in task.current if line not in given]


def newest_within(conclusions: Sequence[Conclusion], tokens: TokenCounter, budget: int) -> list[Conclusion]:
    """Return the newest conclusions that fit into the token budget. Input and output are oldest first. Pure."""
    kept: list[Conclusion] = []
    remaining = budget
    for conclusion in reversed(conclusions):
        remaining -= tokens.count(conclusion_line(conclusion, A_NAME)) + 1
        if remaining < 0:
            break
        kept.append(conclusion)
    return kept[::-1]


def _opening(task: CardTask, conclusions: Sequence[Conclusion]) -> Opening:
    given = prompt_templates.fill(
        GIVEN,
        target=prompt_templates.inline(task.observed_id),
        instructions=prompt_templates.section("instructions", task.instructions or ""),
        given=prompt_templates.section("given", "\n".join(map(single, task.given))),
        card=prompt_templates.section("card", "\n".join(map(single, _current(task)))),
        ended=prompt_templates.section("ended", "\n".join(map(single, [*task.ended][:MOST_ENDED]))),
        conclusions=prompt_templates.section(
            "conclusions", "\n".join(conclusion_line(each, str(n)) for n, each in enumerate(conclusions, 1))
        ),
        now=present(now(), conclusions[-1].utc_offset),
    )
    return Opening(RULES, given)
