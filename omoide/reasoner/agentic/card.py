"""Update a peer card with a model. The model returns all lines; invalid ones are returned to it once, then dropped.

Lines that API callers wrote are always kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from omoide.core.clock import now
from omoide.core.records import Conclusion
from omoide.inference.model_registry import ContextExceeded, UnreadableOutput
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.agentic import prompt_templates
from omoide.reasoner.agentic.card_lines import normalized
from omoide.reasoner.agentic.degenerate import is_degenerate
from omoide.reasoner.agentic.formatting import conclusion_line, present, single
from omoide.reasoner.agentic.model_client import ModelCaller, Opening
from omoide.reasoner.agentic.structured_output import OutputForm, filled
from omoide.reasoner.card_format import (
    MAX_LINES,
    AcceptedLines,
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
MOST_REFUSED = 20
"""Lines that cannot be used and are returned to the model."""

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
            "items": {"type": "string"},
            "maxItems": MAX_LINES,
            "description": "The card from now on, line by line.",
        }
    },
    "required": ["lines"],
    "additionalProperties": False,
}
FORM = OutputForm("card", SCHEMA, Lines.model_validate, lambda each: not each.lines)


async def card(task: CardTask, caller: ModelCaller, tokens: TokenCounter) -> list[str]:
    """Return the updated card: the given lines, then the model's valid ones; the current card if there are none.

    Raises UnreadableOutput if the model's output cannot be read, and ProviderFailed.
    """
    told = [each for each in task.conclusions if each.level in LEVELS_TOLD]
    budget = MOST_INPUT
    while conclusions := newest_within(told, tokens, budget):
        try:
            return await _revised(task, caller, _opening(task, conclusions))
        except ContextExceeded:
            budget = min(budget, sum(tokens.count(conclusion_line(each)) for each in conclusions)) // 2
            if not newest_within(told, tokens, budget):
                raise
    return [*task.current]


async def _revised(task: CardTask, caller: ModelCaller, opening: Opening) -> list[str]:
    """Ask for the card, and once more if some of its lines cannot be used."""
    answer = await filled(caller, opening, FORM, MOST_OUTPUT)
    if not (refused := revision(task, answer.lines).refused):
        return revised(task, answer.lines)
    shown = "\n".join(prompt_templates.neutral(line) for line in refused[:MOST_REFUSED])
    again = Opening(opening.rules, f"{opening.given}\n\n{prompt_templates.fill(AGAIN, lines=shown)}")
    try:
        better = await filled(caller, again, FORM, MOST_OUTPUT)
    except UnreadableOutput:
        return revised(task, answer.lines)
    best = max((answer, better), key=lambda each: len(revision(task, each.lines).accepted))
    return revised(task, best.lines)


def revision(task: CardTask, lines: Sequence[Any]) -> AcceptedLines:
    """The model's lines as they can be used, and those that cannot. Pure."""
    given = {folded(line) for line in task.given}
    texts = (single(prompt_templates.plain(line)) for line in lines if isinstance(line, str))
    new = (normalized(text) for text in texts if text and folded(text) not in given and not is_degenerate(text))
    accepted, refused = accept_lines(new, own_lines(len(task.given)))
    return AcceptedLines(accepted, [line for line in refused if not is_well_formed(line)])


def revised(task: CardTask, lines: Sequence[Any]) -> list[str]:
    """Combine the given lines with the model's valid ones. Pure."""
    accepted = revision(task, lines).accepted
    return [*task.given, *accepted] if accepted else [*task.current]


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
    given_lines = {*task.given}
    current = [] if task.rebuild else [line for line in task.current if line not in given_lines]
    given = prompt_templates.fill(
        GIVEN,
        target=prompt_templates.inline(task.observed_id),
        instructions=prompt_templates.section("instructions", task.instructions or ""),
        given=prompt_templates.section("given", "\n".join(map(single, task.given))),
        card=prompt_templates.section("card", "\n".join(map(single, current))),
        ended=prompt_templates.section("ended", "\n".join(map(single, [*task.ended][:MOST_ENDED]))),
        conclusions=prompt_templates.section("conclusions", "\n".join(map(conclusion_line, conclusions))),
        now=present(now(), conclusions[-1].utc_offset),
    )
    return Opening(RULES, given)
