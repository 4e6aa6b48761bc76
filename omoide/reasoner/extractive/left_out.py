"""Say why the extractive reasoner concludes nothing from a message. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from omoide.core.records import Message
from omoide.reasoner.extractive.assistants import is_assistant_id, talks_like_an_assistant
from omoide.reasoner.extractive.machine_text import is_machine_text
from omoide.reasoner.extractive.possible_facts import Sentence, candidates_of, turns
from omoide.reasoner.extractive.smalltalk import is_smalltalk
from omoide.reasoner.extractive.statements import SentenceKind, kind_of
from omoide.reasoner.protocol import Batch

_KINDS = {
    SentenceKind.QUESTION: "a question",
    SentenceKind.REQUEST: "a request",
    SentenceKind.FRAGMENT: "a remark that says nothing by itself",
}
_SMALL_TALK = "small talk"
_NO_STATEMENT = "words that state nothing"
_PASSING = "a statement that will hardly matter in a month"


def why_nothing(batch: Batch, message: Message, assistants: Sequence[str]) -> str:
    """A sentence. `message` is one of the observed peer in the batch; `assistants` are as in `derive.derive`."""
    peer_id = batch.observed_id
    if is_assistant_id(peer_id, assistants):
        return (
            f"{peer_id} is taken for an assistant because of its id (OMOIDE_ASSISTANT_IDS), and from "
            "what assistants say nothing is concluded."
        )
    if not any(map(str.isalnum, message.content)):
        return "It has no words."
    if is_machine_text(message.content):
        return "It reads like code, a log or the output of a program."
    own = [each.content for each in batch.messages if each.peer_id == peer_id]
    if talks_like_an_assistant([message.content]):
        return "It reads like the words of an assistant or a bot, from which nothing is concluded."
    if talks_like_an_assistant(own):
        return f"What {peer_id} says around it reads like the words of an assistant, from which nothing is concluded."
    said = [each for each in turns(batch.messages, peer_id) if each[0].message.id == message.id]
    kinds = [_kind(sentence, other) for sentence, other in said]
    if not kinds:
        return "It has no sentences of its own, only quotations, tables or code."
    return f"It holds only {_listed([*dict.fromkeys(kinds)])}."


def _kind(sentence: Sentence, other: Message | None) -> str:
    kind = kind_of(sentence.text)
    if kind is SentenceKind.NOTHING:
        return _SMALL_TALK if is_smalltalk(sentence.plain) else _NO_STATEMENT
    if kind in {SentenceKind.QUESTION, SentenceKind.REQUEST}:
        return _KINDS[kind]
    return _PASSING if candidates_of(sentence, other) else _KINDS[SentenceKind.FRAGMENT]


def _listed(kinds: Sequence[str]) -> str:
    *others, last = kinds
    return f"{', '.join(others)} and {last}" if others else last
