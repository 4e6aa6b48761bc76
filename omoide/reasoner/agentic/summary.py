"""Summarize a session with a model, from the previous summary and the messages since, within a token limit.

Messages that exceed the model's input are processed in chunks, each with the summary of the chunks before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from pydantic_ai.messages import ModelResponse

from omoide.core.clock import now
from omoide.core.records import Message
from omoide.inference.model_registry import ContextExceeded, UnreadableOutput
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.agentic import prompt_templates
from omoide.reasoner.agentic.degenerate import is_degenerate, loop_start
from omoide.reasoner.agentic.formatting import day_line, message_line, present, transcript
from omoide.reasoner.agentic.model_client import ModelCaller, Opening
from omoide.reasoner.agentic.structured_output import sample_of
from omoide.reasoner.agentic.tidying import is_cut, misplaced_text, text_of
from omoide.reasoner.protocol import SummaryTask

MOST_INPUT = 25_000
"""Maximum tokens of messages per request."""
FEWEST_INPUT = 100
"""Tokens of messages per request, however small the model's context."""
WORDS_PER_TOKEN = 0.75
FEWEST_WORDS = 25
"""Length hint for the model; source of the ratio: the public description of the API."""

RULES = {"short": prompt_templates.load("summary.short.rules"), "long": prompt_templates.load("summary.long.rules")}
GIVEN = prompt_templates.load("summary.given")
_END = re.compile(r"[.!?…。！？؟।][\"'”’»)\]]*(?=\s|$)|\n")
_WRAPPING = re.compile(r"^<summary>\s*|\s*</summary>$", re.IGNORECASE)


async def summarize(task: SummaryTask, caller: ModelCaller, tokens: TokenCounter) -> str:
    """Return a summary of at most `max_tokens` tokens.

    What is too long for the model is summarized in smaller chunks. Raises UnreadableOutput if the model gives no
    summary, or only repeats itself, and ProviderFailed.
    """
    budget = MOST_INPUT
    while True:
        try:
            return await _summarized(task, caller, tokens, budget)
        except ContextExceeded:
            said = sum(tokens.count(message.content) for message in task.messages)
            budget = min(budget, said, tokens.count(task.previous or "") or budget) // 2
            if budget < FEWEST_INPUT:
                raise


async def _summarized(task: SummaryTask, caller: ModelCaller, tokens: TokenCounter, budget: int) -> str:
    """Summarize in chunks of at most `budget` tokens; of the summary before, no more than that is told."""
    summary = task.previous or ""
    for stretch in stretches(task.messages, tokens, budget):
        summary = await _of_stretch(task, caller, tokens, tokens.trim(summary, budget), stretch)
    return summary


async def _of_stretch(
    task: SummaryTask, caller: ModelCaller, tokens: TokenCounter, before: str, stretch: Sequence[str]
) -> str:
    """Ask for the summary, and once more if it cannot be used."""
    responses: list[ModelResponse] = []
    for _ in range(2):
        response = await caller.whole([_opening(task, before, stretch, tokens).request()], task.max_tokens)
        responses.append(response)
        text = _WRAPPING.sub("", text_of(response)).strip()
        if not is_degenerate(text) and (text := within(text, task.max_tokens, tokens, is_broken_off=is_cut(response))):
            return text
    return _salvaged(task, caller, tokens, responses)


def _salvaged(task: SummaryTask, caller: ModelCaller, tokens: TokenCounter, responses: Sequence[ModelResponse]) -> str:
    """Return what comes before a repetition, if it is enough, or what the thoughts hold."""
    texts = [_WRAPPING.sub("", text_of(response)).strip() for response in responses]
    beginnings = [within(text[: loop_start(text)], task.max_tokens, tokens, is_broken_off=True) for text in texts]
    longest = max(beginnings, key=lambda text: len(text.split()))
    if len(longest.split()) >= FEWEST_WORDS:
        return longest
    misplaced = misplaced_text(responses[-1])
    if misplaced and not is_degenerate(misplaced):
        return within(misplaced, task.max_tokens, tokens)
    fault = "only repeats itself" if any(texts) else "gave no summary"
    raise UnreadableOutput(f"{caller.models.name} {fault}.", sample_of(responses[-1]))


def stretches(messages: Sequence[Message], tokens: TokenCounter, budget: int) -> Iterator[list[str]]:
    """Format messages as lines under their days, in chunks of at most `budget` tokens; longer messages are cut."""
    stretch: list[str] = []
    said_on, remaining = "", budget
    for message in messages:
        lines = [message_line(message)] if day_line(message) == said_on else transcript([message])
        cost = tokens.count("\n".join(lines)) + 1
        if cost > remaining and stretch:
            yield stretch
            stretch, remaining = [], budget
            lines = transcript([message])
        stretch += [tokens.trim("\n".join(lines), budget)] if cost > budget else lines
        said_on, remaining = day_line(message), remaining - cost
    if stretch:
        yield stretch


def within(text: str, budget: int, tokens: TokenCounter, *, is_broken_off: bool = False) -> str:
    """Truncate a text that is too long or was broken off, at the end of a sentence. Pure.

    If there is no complete sentence, truncate it to the token budget.
    """
    fits = tokens.count(text) <= budget
    if fits and not is_broken_off:
        return text
    beginning = text if fits else tokens.trim(text, budget)
    ends = [end.end() for end in _END.finditer(beginning)]
    return (beginning[: ends[-1]] if ends else beginning).strip()


def _opening(task: SummaryTask, summary: str, stretch: Sequence[str], tokens: TokenCounter) -> Opening:
    said = "\n".join(stretch)
    given = prompt_templates.fill(
        GIVEN,
        summary=prompt_templates.section("summary", summary),
        instructions=prompt_templates.section("instructions", task.instructions or ""),
        messages=prompt_templates.section("messages", said),
        now=present(now(), task.messages[-1].utc_offset if task.messages else None),
        words=str(words_for(task, tokens.count(said) + tokens.count(summary))),
    )
    return Opening(RULES[task.kind], given)


def words_for(task: SummaryTask, input_tokens: int) -> int:
    """Return the length hint in words; a short summary is not to be longer than its input. Pure."""
    most = min(input_tokens, task.max_tokens) if task.kind == "short" else task.max_tokens
    return max(FEWEST_WORDS, int(WORDS_PER_TOKEN * most))
