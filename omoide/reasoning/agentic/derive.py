"""What was said → facts about one of those who said it, each with the messages that say so. One request a batch.

The messages of the peer are numbered in the prompt, and only these numbers can be referred to; what others said is
context. Storing is not done here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from omoide.inference.tokens import TokenCounter
from omoide.reasoning.agentic import prompts
from omoide.reasoning.agentic.calls import Caller, Opening
from omoide.reasoning.agentic.forms import Form, filled
from omoide.reasoning.agentic.lines import message_line, single
from omoide.reasoning.reasoner import Batch
from omoide.records import Fact, Message

# Source: the public description of the API.
MOST_INPUT = 25_000
MOST_OUTPUT = 2_500
MOST_CONTENT = 65_535
"""Tokens of messages that a model is given and of its answer, and characters of one fact."""

MOST_FACTS = 100
MOST_REFERENCES = 8
"""Facts of one batch and references of one fact; a small model that is held to a schema finds no other end."""
MOST_READ = 10
"""Times these numbers are looked at in an answer without a schema, which may repeat itself or hold what is no fact."""

RULES, GIVEN = prompts.load("derive.rules"), prompts.load("derive.given")


class Statement(BaseModel):
    model_config = ConfigDict(extra="ignore")

    content: str
    message_ids: list[int] = Field(default_factory=list)

    @field_validator("content", mode="before")
    @classmethod
    def _nothing_is_blank(cls, given: Any) -> Any:
        return "" if given is None else given

    @field_validator("message_ids", mode="before")
    @classmethod
    def _numbers_only(cls, given: Any) -> list[int]:
        """What cannot be a number refers to nothing; it does not spoil the fact."""
        listed = given if isinstance(given, list) else [given]
        found = (str(each).strip().strip("[]#") for each in listed[: MOST_READ * MOST_REFERENCES])
        return [int(each) for each in found if each.isascii() and each.isdigit() and len(each) < 10]


class Statements(BaseModel):
    """What the model is asked for."""

    model_config = ConfigDict(extra="ignore")

    facts: list[Statement]

    @field_validator("facts", mode="before")
    @classmethod
    def _null_is_none(cls, given: Any) -> Any:
        """Null stands for no facts, a bare text for a fact without references; what is neither goes away."""
        if not isinstance(given, list):
            return [] if given is None else given
        read = given[: MOST_READ * MOST_FACTS]
        told = ({"content": each} if isinstance(each, str) else each for each in read)
        return [each for each in told if isinstance(each, dict) and "content" in each]


SCHEMA = {
    "type": "object",
    "properties": {
        "facts": {
            "type": "array",
            "maxItems": MOST_FACTS,
            "items": {
                "type": "object",
                "properties": {
                    "content": {"type": "string", "description": "One fact that stands alone."},
                    "message_ids": {
                        "type": "array",
                        "items": {"type": "integer"},
                        "maxItems": MOST_REFERENCES,
                        "description": "The numbers of the messages that say so.",
                    },
                },
                "required": ["content", "message_ids"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["facts"],
    "additionalProperties": False,
}
FORM = Form("facts", SCHEMA, Statements.model_validate)


async def derive(batch: Batch, caller: Caller, tokens: TokenCounter) -> list[Fact]:
    """The facts, in the order in which they were said; none where the model gave nothing that can be read.

    Raises ProviderFailed.
    """
    shown = within_budget(batch, tokens, MOST_INPUT)
    own = [message for message in shown if message.peer_id == batch.observed_id]
    if not own:
        return []
    numbered = dict(enumerate(own, 1))
    statements = await filled(caller, _opening(batch, shown), FORM, MOST_OUTPUT)
    return [] if statements is None else facts_of(statements, numbered)


def facts_of(statements: Statements, numbered: Mapping[int, Message]) -> list[Fact]:
    """The statements as facts. Pure.

    A reference to what is not numbered counts for nothing; a fact without any rests on the newest message. What is
    blank or said twice goes away.
    """
    newest = max(numbered.values(), key=lambda message: message.created_at)
    facts: dict[str, Fact] = {}
    for statement in statements.facts:
        content = single(prompts.plain(statement.content))[:MOST_CONTENT].strip()
        rests_on = [numbered[each] for each in sorted({*statement.message_ids}) if each in numbered] or [newest]
        if content and len(facts) < MOST_FACTS:
            said_at = max(message.created_at for message in rests_on)
            fact = Fact(content, tuple(message.id for message in rests_on), said_at)
            facts.setdefault(content.casefold(), fact)
    return sorted(facts.values(), key=lambda fact: fact.said_at)


def within_budget(batch: Batch, tokens: TokenCounter, budget: int) -> list[Message]:
    """The messages, in their order, of which the peer's own come first when there is no room for all. Pure.

    An own message that does not fit is cut; of what others said the newest is kept.
    """
    left = budget
    kept: dict[str, Message] = {}
    own = [message for message in batch.messages if message.peer_id == batch.observed_id]
    others = [message for message in batch.messages if message.peer_id != batch.observed_id]
    for message in own:
        content = tokens.trim(prompts.plain(message.content), left)
        if content.strip():
            kept[message.id] = message._replace(content=content)
            left -= tokens.count(content)
    for message in reversed(others):
        left -= tokens.count(prompts.plain(message.content))
        if left < 0:
            break
        kept[message.id] = message
    return [kept[message.id] for message in batch.messages if message.id in kept]


def _opening(batch: Batch, shown: Sequence[Message]) -> Opening:
    numbers = (str(number) for number in range(1, len(shown) + 1))
    labels = [next(numbers) if message.peer_id == batch.observed_id else "-" for message in shown]
    said = "\n".join(message_line(message, label) for message, label in zip(shown, labels, strict=True))
    given = prompts.fill(
        GIVEN,
        target=prompts.inline(batch.observed_id),
        instructions=prompts.section("instructions", batch.instructions or ""),
        messages=prompts.section("messages", said),
    )
    return Opening(RULES, given)
