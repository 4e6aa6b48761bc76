"""Update a peer card with a model. The model returns all lines; invalid ones are dropped.

Lines that API callers wrote are always kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from omoide.core.clock import now
from omoide.core.records import Conclusion
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.agentic import prompt_templates
from omoide.reasoner.agentic.formatting import conclusion_line, present, single
from omoide.reasoner.agentic.model_client import ModelCaller, Opening
from omoide.reasoner.agentic.structured_output import OutputForm, filled
from omoide.reasoner.card_format import MAX_LINES, accept_lines, folded, own_lines
from omoide.reasoner.protocol import CardTask

MOST_ENDED = 100
"""Statements that are no longer true in the prompt, the last ended ones."""
MOST_INPUT, MOST_OUTPUT = 16_384, 4_096
"""Maximum tokens of conclusions in the prompt, and of the output."""
LEVELS_TOLD = frozenset({"explicit", "deductive"})
"""Levels in the prompt. Patterns and contradictions are not facts."""

RULES, GIVEN = prompt_templates.load("card.rules"), prompt_templates.load("card.given")


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
FORM = OutputForm("card", SCHEMA, Lines.model_validate)


async def card(task: CardTask, caller: ModelCaller, tokens: TokenCounter) -> list[str]:
    """Return the updated card: the given lines, then the model's valid ones; the current card if there are none.

    Raises ProviderFailed.
    """
    conclusions = newest_within([each for each in task.conclusions if each.level in LEVELS_TOLD], tokens, MOST_INPUT)
    if not conclusions:
        return [*task.current]
    answer = await filled(caller, _opening(task, conclusions), FORM, MOST_OUTPUT)
    return [*task.current] if answer is None else revised(task, answer.lines)


def revised(task: CardTask, lines: Sequence[Any]) -> list[str]:
    """Combine the given lines with the model's valid ones. Pure."""
    given = {folded(line) for line in task.given}
    new = (single(prompt_templates.plain(line)) for line in lines if isinstance(line, str))
    accepted = accept_lines((line for line in new if folded(line) not in given), own_lines(len(task.given))).accepted
    return [*task.given, *accepted] if accepted else [*task.current]


def newest_within(conclusions: Sequence[Conclusion], tokens: TokenCounter, budget: int) -> list[Conclusion]:
    """Return the newest conclusions that fit into the token budget. Input and output are oldest first. Pure."""
    kept: list[Conclusion] = []
    remaining = budget
    for conclusion in reversed(conclusions):
        remaining -= tokens.count(conclusion_line(conclusion)) + 1
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
        conclusions=prompt_templates.section("conclusions", "\n".join(_line(each) for each in conclusions)),
        now=present(now()),
    )
    return Opening(RULES, given)


def _line(conclusion: Conclusion) -> str:
    return conclusion_line(conclusion).partition("] ")[2]
