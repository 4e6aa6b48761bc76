"""Extract facts about one peer from a batch of messages, each with its source messages, in one model request.

The peer's messages are numbered in the prompt, and facts can refer only to these numbers. Messages of others, and what
was said before, are context. The caller stores the facts.

The model is also shown what is known already, and says what the facts say again, replace or correct (see
`replacements`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from omoide.core.clock import DAY
from omoide.core.records import Fact, Message
from omoide.core.redaction import redact_keys
from omoide.inference.model_registry import ContextExceeded, RequestRefused, UnreadableOutput
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.agentic import prompt_templates
from omoide.reasoner.agentic.batch_messages import ShownMessages, halves, shown_messages
from omoide.reasoner.agentic.degenerate import is_degenerate
from omoide.reasoner.agentic.derive_output import FORM, MOST_FACTS, Statement, Statements
from omoide.reasoner.agentic.formatting import present, single
from omoide.reasoner.agentic.model_client import ModelCaller, Opening
from omoide.reasoner.agentic.replacements import Ends, Known, ends_of, folded, known_lines, numbered_known, validity
from omoide.reasoner.agentic.structured_output import MOST_OF_SAMPLE, filled
from omoide.reasoner.protocol import Batch

# Source: the public description of the API.
MOST_INPUT = 25_000
MOST_OUTPUT = 2_500
MOST_CONTENT = 65_535
"""Maximum tokens of messages in the prompt, tokens of the output, and characters of one fact."""

FEWEST_INPUT = 100
"""Tokens of a message that are sent at least, however small the model's context."""

RULES, GIVEN = prompt_templates.load("derive.rules"), prompt_templates.load("derive.given")


async def derive(batch: Batch, caller: ModelCaller, tokens: TokenCounter) -> list[Fact]:
    """Return the facts in the order in which they were said.

    A batch that is too long for the model is asked for in parts. Raises UnreadableOutput if the model's output cannot
    be read, and ProviderFailed.
    """
    return await _within(batch, caller, tokens, MOST_INPUT)


async def _within(batch: Batch, caller: ModelCaller, tokens: TokenCounter, budget: int) -> list[Fact]:
    try:
        return await _derived(batch, caller, tokens, budget)
    except RequestRefused as refusal:
        if not isinstance(refusal, ContextExceeded):
            return await _without_context(batch, caller, tokens, budget, refusal)
        if len(parts := halves(batch)) > 1:
            return [fact for part in parts for fact in await _within(part, caller, tokens, budget)]
        (part,) = parts
        budget = min(budget, sum(tokens.count(message.content) for message in part.messages)) // 2
        if len(part.messages) == len(batch.messages) and not (batch.known or batch.before) and budget < FEWEST_INPUT:
            raise
        return await _within(part, caller, tokens, max(budget, FEWEST_INPUT))


async def _without_context(
    batch: Batch, caller: ModelCaller, tokens: TokenCounter, budget: int, refusal: RequestRefused
) -> list[Fact]:
    """Ask without what others said and what was said before: the provider may refuse that, and not these messages."""
    own = [message for message in batch.messages if message.peer_id == batch.observed_id]
    if not batch.before and len(own) == len(batch.messages):
        raise refusal
    return await _derived(replace(batch, messages=own, before=(), known=()), caller, tokens, budget)


async def _derived(batch: Batch, caller: ModelCaller, tokens: TokenCounter, budget: int) -> list[Fact]:
    shown = shown_messages(batch, tokens, budget)
    if not (numbered := shown.numbered):
        return []
    known = numbered_known(batch.known, numbered, tokens)
    statements = await filled(caller, _opening(batch, shown, known), FORM, MOST_OUTPUT)
    if statements.facts and all(is_degenerate(each.content) for each in statements.facts):
        sample = statements.facts[0].content[:MOST_OF_SAMPLE]
        raise UnreadableOutput(f"{caller.models.name} only repeats itself.", redact_keys(sample))
    facts = facts_of(statements, numbered, known)
    if facts or not known or not statements.facts:
        return facts
    # A small model may only copy what it is shown as known; without that it reads the messages.
    try:
        return facts_of(await filled(caller, _opening(batch, shown, {}), FORM, MOST_OUTPUT), numbered, {})
    except UnreadableOutput:
        return []  # the first answer could be read, and says nothing new


def facts_of(statements: Statements, numbered: Mapping[int, Message], known: Known) -> list[Fact]:
    """Convert statements to facts. Pure.

    Unknown references are ignored; a fact without references gets the newest message as its source. Blank and
    duplicate statements are dropped, loops within one too, and those without references that only repeat what is known.
    """
    newest = max(numbered.values(), key=lambda message: message.created_at)
    repeated = {folded(each.content) for each in known.values()}
    facts: dict[str, Fact] = {}
    for statement, ends in zip(statements.facts, ends_of(statements.facts, known), strict=True):
        content = single(prompt_templates.plain(statement.content))[:MOST_CONTENT].strip()
        said = [numbered[each] for each in sorted({*statement.message_ids}) if each in numbered]
        if not content or is_degenerate(content):
            continue
        if len(facts) < MOST_FACTS and (said or folded(content) not in repeated):
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
        repeats=ends.repeats,
        replaces=() if is_ahead else ends.replaces,
        utc_offset=offset,
    )


def _opening(batch: Batch, shown: ShownMessages, known: Known) -> Opening:
    last = shown.numbered[len(shown.numbered)]
    given = prompt_templates.fill(
        GIVEN,
        target=prompt_templates.inline(batch.observed_id),
        instructions=prompt_templates.section("instructions", batch.instructions or ""),
        known=prompt_templates.section("known", known_lines(known)),
        messages=prompt_templates.section("messages", shown.text),
        now=present(last.created_at, last.utc_offset),
    )
    return Opening(RULES, given)
