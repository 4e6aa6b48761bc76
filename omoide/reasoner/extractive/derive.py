"""Extract facts about a peer from its messages without a model: each statement is restated or quoted.

"I live in Lisbon" becomes `alice lives in Lisbon`. A sentence that cannot be restated reliably becomes
`alice said: "…"`, which is always correct. Inferences are left to dreams.
"""

from __future__ import annotations

from omoide.core.clock import from_micros
from omoide.reasoner.extractive.dates import note_of_dates, with_dates
from omoide.reasoner.extractive.sentences import sentences
from omoide.reasoner.extractive.smalltalk import without_opening
from omoide.reasoner.extractive.statements import states_something
from omoide.reasoner.extractive.third_person import SELF, to_third_person
from omoide.reasoner.protocol import Batch, Fact

MOST_QUOTED = 500
"""Maximum characters of a quoted sentence; a longer one is truncated with an ellipsis."""


def derive(batch: Batch) -> list[Fact]:
    """Return the distinct statements of the observed peer in the batch, in the order of their first mention.

    Only messages of `batch.observed_id` are used. CPU-bound: call it in a thread.
    """
    facts: dict[str, Fact] = {}
    for message in batch.messages:
        if message.peer_id != batch.observed_id:
            continue
        for sentence in filter(states_something, sentences(message.content)):
            content = fact_content(sentence, batch.observed_id, message.created_at)
            key = content.casefold().rstrip(' .!"')
            known = facts.get(key)
            facts[key] = (
                _again(known, message.id, message.created_at)
                if known
                else Fact(content, (message.id,), message.created_at)
            )
    return list(facts.values())


def fact_content(sentence: str, peer_id: str, said_at: int) -> str:
    """Return the self-contained fact for a statement: restated or quoted, with the peer's id and absolute dates."""
    about = to_third_person(without_opening(sentence.replace("’", "'")))
    if about is not None:
        return with_dates(about, from_micros(said_at)).replace(SELF, peer_id)
    quoted = sentence if len(sentence) <= MOST_QUOTED else _cut(sentence)
    return f'{peer_id} said: "{quoted}"{note_of_dates(quoted, from_micros(said_at))}'


def _cut(sentence: str) -> str:
    end = sentence.rfind(" ", MOST_QUOTED // 2, MOST_QUOTED)
    return sentence[: end if end > 0 else MOST_QUOTED].rstrip() + "…"


def _again(fact: Fact, message_id: str, said_at: int) -> Fact:
    ids = fact.message_ids if message_id in fact.message_ids else (*fact.message_ids, message_id)
    return Fact(fact.content, ids, max(fact.said_at, said_at))
