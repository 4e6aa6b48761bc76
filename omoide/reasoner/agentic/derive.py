"""Extract facts about one peer from a batch of messages, each with its source messages, in one model request.

The peer's messages are numbered in the prompt, and facts can refer only to these numbers. Messages of others are
context. The caller stores the facts.

The model is also shown what is known already, and says what the facts replace or correct (see `replacements`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from omoide.core.clock import DAY
from omoide.core.records import Fact, Message
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.agentic import prompt_templates
from omoide.reasoner.agentic.derive_output import FORM, MOST_FACTS, Statement, Statements
from omoide.reasoner.agentic.formatting import message_line, single
from omoide.reasoner.agentic.model_client import ModelCaller, Opening
from omoide.reasoner.agentic.replacements import Ends, Known, ends_of, folded, known_lines, numbered_known, validity
from omoide.reasoner.agentic.structured_output import filled
from omoide.reasoner.protocol import Batch

# Source: the public description of the API.
MOST_INPUT = 25_000
MOST_OUTPUT = 2_500
MOST_CONTENT = 65_535
"""Maximum tokens of messages in the prompt, tokens of the output, and characters of one fact."""

RULES, GIVEN = prompt_templates.load("derive.rules"), prompt_templates.load("derive.given")


async def derive(batch: Batch, caller: ModelCaller, tokens: TokenCounter) -> list[Fact]:
    """Return the facts in the order in which they were said; empty if the model's output cannot be parsed.

    Raises ProviderFailed.
    """
    shown = within_budget(batch, tokens, MOST_INPUT)
    own = [message for message in shown if message.peer_id == batch.observed_id]
    if not own:
        return []
    numbered = dict(enumerate(own, 1))
    known = numbered_known(batch.known, len(own), tokens)
    statements = await filled(caller, _opening(batch, shown, known), FORM, MOST_OUTPUT)
    facts = [] if statements is None else facts_of(statements, numbered, known)
    if facts or not known or statements is None or not statements.facts:
        return facts
    # A small model may only copy what it is shown as known; without that it reads the messages.
    statements = await filled(caller, _opening(batch, shown, {}), FORM, MOST_OUTPUT)
    return [] if statements is None else facts_of(statements, numbered, {})


def facts_of(statements: Statements, numbered: Mapping[int, Message], known: Known) -> list[Fact]:
    """Convert statements to facts. Pure.

    Unknown references are ignored; a fact without references gets the newest message as its source. Blank and
    duplicate statements are dropped, and those without references that only repeat what is known.
    """
    newest = max(numbered.values(), key=lambda message: message.created_at)
    repeated = {folded(each.content) for each in known.values()}
    facts: dict[str, Fact] = {}
    for statement, ends in zip(statements.facts, ends_of(statements.facts, known), strict=True):
        content = single(prompt_templates.plain(statement.content))[:MOST_CONTENT].strip()
        said = [numbered[each] for each in sorted({*statement.message_ids}) if each in numbered]
        if content and len(facts) < MOST_FACTS and (said or folded(content) not in repeated):
            facts.setdefault(content.casefold(), _fact(statement, content, said or [newest], ends))
    return sorted(facts.values(), key=lambda fact: fact.said_at)


def _fact(statement: Statement, content: str, rests_on: Sequence[Message], ends: Ends) -> Fact:
    """Build a fact; one that begins to hold later replaces nothing yet."""
    last = max(rests_on, key=lambda message: message.created_at)
    said_at, offset = last.created_at, last.utc_offset
    start, end = validity(statement.since, statement.until, offset)
    is_ahead = start is not None and start > said_at + DAY  # whose day it is may not be that of UTC
    return Fact(
        content,
        tuple(message.id for message in rests_on),
        said_at,
        valid_from=start,
        valid_until=end,
        corrects=ends.corrects,
        replaces=() if is_ahead else ends.replaces,
        utc_offset=offset,
    )


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


def _opening(batch: Batch, shown: Sequence[Message], known: Known) -> Opening:
    numbers = (str(number) for number in range(1, len(shown) + 1))
    labels = [next(numbers) if message.peer_id == batch.observed_id else "-" for message in shown]
    said = "\n".join(message_line(message, label) for message, label in zip(shown, labels, strict=True))
    given = prompt_templates.fill(
        GIVEN,
        target=prompt_templates.inline(batch.observed_id),
        instructions=prompt_templates.section("instructions", batch.instructions or ""),
        known=prompt_templates.section("known", known_lines(known)),
        messages=prompt_templates.section("messages", said),
    )
    return Opening(RULES, given)
