"""Extract facts about one peer from a batch of messages, each with its source messages, in one model request.

The peer's messages are numbered in the prompt, and facts can refer only to these numbers. Messages of others are
context. The caller stores the facts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from omoide.core.records import Fact, Message
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.agentic import prompt_templates
from omoide.reasoner.agentic.formatting import message_line, single
from omoide.reasoner.agentic.model_client import ModelCaller, Opening
from omoide.reasoner.agentic.structured_output import OutputForm, filled
from omoide.reasoner.protocol import Batch

# Source: the public description of the API.
MOST_INPUT = 25_000
MOST_OUTPUT = 2_500
MOST_CONTENT = 65_535
"""Maximum tokens of messages in the prompt, tokens of the output, and characters of one fact."""

MOST_FACTS = 100
MOST_REFERENCES = 8
"""Maximum facts per batch and references per fact. Without a limit, a small model with a schema may never stop."""
MOST_READ = 10
"""Multiple of these limits that is read of an output without a schema, which may contain repetitions and non-facts."""

RULES, GIVEN = prompt_templates.load("derive.rules"), prompt_templates.load("derive.given")


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
        """Drop references that are not numbers, instead of rejecting the fact."""
        listed = given if isinstance(given, list) else [given]
        texts = (str(each).strip().strip("[]#") for each in listed[: MOST_READ * MOST_REFERENCES])
        return [int(each) for each in texts if each.isascii() and each.isdigit() and len(each) < 10]


class Statements(BaseModel):
    """Lenient parser of the model's output."""

    model_config = ConfigDict(extra="ignore")

    facts: list[Statement]

    @field_validator("facts", mode="before")
    @classmethod
    def _null_is_none(cls, given: Any) -> Any:
        """Treat null as no facts, and a string as a fact without references; drop other values."""
        if not isinstance(given, list):
            return [] if given is None else given
        read = given[: MOST_READ * MOST_FACTS]
        entries = ({"content": each} if isinstance(each, str) else each for each in read)
        return [each for each in entries if isinstance(each, dict) and "content" in each]


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
FORM = OutputForm("facts", SCHEMA, Statements.model_validate)


async def derive(batch: Batch, caller: ModelCaller, tokens: TokenCounter) -> list[Fact]:
    """Return the facts in the order in which they were said; empty if the model's output cannot be parsed.

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
    """Convert statements to facts. Pure.

    Unknown references are ignored; a fact without references gets the newest message as its source. Blank and
    duplicate statements are dropped.
    """
    newest = max(numbered.values(), key=lambda message: message.created_at)
    facts: dict[str, Fact] = {}
    for statement in statements.facts:
        content = single(prompt_templates.plain(statement.content))[:MOST_CONTENT].strip()
        rests_on = [numbered[each] for each in sorted({*statement.message_ids}) if each in numbered] or [newest]
        if content and len(facts) < MOST_FACTS:
            said_at = max(message.created_at for message in rests_on)
            fact = Fact(content, tuple(message.id for message in rests_on), said_at)
            facts.setdefault(content.casefold(), fact)
    return sorted(facts.values(), key=lambda fact: fact.said_at)


def within_budget(batch: Batch, tokens: TokenCounter, budget: int) -> list[Message]:
    """Return the messages that fit into the token budget, in their order; the peer's own have priority. Pure.

    An own message that does not fit is truncated; of the others' messages the newest are kept.
    """
    remaining = budget
    kept: dict[str, Message] = {}
    own = [message for message in batch.messages if message.peer_id == batch.observed_id]
    others = [message for message in batch.messages if message.peer_id != batch.observed_id]
    for message in own:
        content = tokens.trim(prompt_templates.plain(message.content), remaining)
        if content.strip():
            kept[message.id] = message._replace(content=content)
            remaining -= tokens.count(content)
    for message in reversed(others):
        remaining -= tokens.count(prompt_templates.plain(message.content))
        if remaining < 0:
            break
        kept[message.id] = message
    return [kept[message.id] for message in batch.messages if message.id in kept]


def _opening(batch: Batch, shown: Sequence[Message]) -> Opening:
    numbers = (str(number) for number in range(1, len(shown) + 1))
    labels = [next(numbers) if message.peer_id == batch.observed_id else "-" for message in shown]
    said = "\n".join(message_line(message, label) for message, label in zip(shown, labels, strict=True))
    given = prompt_templates.fill(
        GIVEN,
        target=prompt_templates.inline(batch.observed_id),
        instructions=prompt_templates.section("instructions", batch.instructions or ""),
        messages=prompt_templates.section("messages", said),
    )
    return Opening(RULES, given)
