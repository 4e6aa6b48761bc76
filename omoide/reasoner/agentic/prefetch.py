"""Look up what belongs to a question before a model is asked, within a number of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from omoide.core.errors import OmoideError
from omoide.core.records import Conclusion, Message
from omoide.reasoner.agentic.answer_prompt import AnswerPrompt
from omoide.reasoner.agentic.formatting import snippets_result, transcript, transcripts
from omoide.reasoner.agentic.tools import ReadingTools
from omoide.reasoner.evidence import Snippet
from omoide.reasoner.memory_reads import AROUND
from omoide.reasoner.memory_view import MEMORY_MOST, MESSAGES_MOST, MemoryView
from omoide.reasoner.protocol import Question

# Source: the public description of the API.
HISTORY_TOKENS = 4_096

DERIVED_SHARE = 1 / 3
"""Share of the tokens for derived conclusions at most."""
WIDER = 3
"""How many times as much is looked up where there will be no tools."""
TOKENS_OF_SNIPPET = 100
"""Fewer than most snippets have."""

Known = tuple[Sequence[Conclusion], Sequence[Conclusion], Sequence[Snippet]]
"""Explicit and derived conclusions, and messages."""


async def look_up(question: Question, tools: ReadingTools, tokens: int, *, is_wide: bool) -> AnswerPrompt:
    """Return the prompt with the nearest conclusions, and with messages if there are none.

    `is_wide`: more of both, since there will be no tools. Nothing is found if the search fails: the model can still
    use the tools.
    """
    memory = tools.memory
    try:
        explicit, derived, said = await _nearest(question, memory, tokens * (WIDER if is_wide else 1), is_wide)
        recent, is_whole = await memory.get_whole_or_unprocessed(*_room_of_messages(question, tokens))
    except OmoideError:
        explicit, derived, said, recent, is_whole = (), (), (), [], False
    tools.begin()
    prompt = AnswerPrompt(
        question,
        tools.shown(explicit),
        tools.shown(derived),
        "" if is_whole else snippets_result(said, tools.names),
        is_whole=is_whole,
        utc_offset=_offset([*explicit, *derived], recent, question.target_id),
    )
    if question.session_id is None:
        return replace(prompt, recent=transcripts(recent))
    history = recent if is_whole else await memory.get_recent_history(min(tokens, HISTORY_TOKENS))
    known = {each.id for each in history}
    earlier = transcripts(each for each in recent if each.id not in known)
    summary = await memory.get_session_summary()
    return replace(prompt, history="\n".join(transcript(history)), recent=earlier, summary=summary or "")


def _room_of_messages(question: Question, tokens: int) -> tuple[int, int]:
    """Tokens for all messages, if they are few, and for those from which nothing has been concluded yet."""
    whole = tokens * 2 // 3 if question.session_id is None else min(2 * tokens, HISTORY_TOKENS)
    return whole, tokens // 3


def _offset(conclusions: Sequence[Conclusion], said: Sequence[Message], target_id: str | None) -> int | None:
    """Where the peer was heard last, in minutes east of UTC; None if that is not known, or there is no one peer."""
    heard = [(each.said_at, each.utc_offset) for each in conclusions if each.observed_id == target_id]
    heard += [(each.created_at, each.utc_offset) for each in said if each.peer_id == target_id]
    return max(((at, offset) for at, offset in heard if offset is not None), default=(0, None))[1]


async def _nearest(question: Question, memory: MemoryView, tokens: int, is_wide: bool) -> Known:
    query = question.semantic_query or question.query
    room = int(tokens * DERIVED_SHARE)
    derived = await memory.search_memory(query, MEMORY_MOST, is_derived=True, is_reranked=True, max_tokens=room)
    room = tokens - sum(memory.tokens.count(each.content) + AROUND for each in derived)
    explicit = await memory.search_memory(query, MEMORY_MOST, is_derived=False, is_reranked=True, max_tokens=room)
    if (explicit or derived) and not is_wide:
        return explicit, derived, ()
    most = min(MESSAGES_MOST, max(1, tokens // TOKENS_OF_SNIPPET))
    return explicit, derived, _within(await memory.search_messages(query, most), tokens, memory)


def _within(snippets: Sequence[Snippet], tokens: int, memory: MemoryView) -> list[Snippet]:
    """The best snippets that fit, and the best one in any case."""
    kept: list[Snippet] = []
    for each in snippets:
        tokens -= sum(memory.tokens.count(message.content) + AROUND for message in each.messages)
        if kept and tokens < 0:
            break
        kept.append(each)
    return kept
