"""Extractive summary: the sentences of most weight, without repetitions, in chronological order.

Every line names its speaker, as `alice: …`, because sentences in the first person depend on it, and the first line of
each day its date, as `[2026-03-02] alice: …`. A sentence that leans on another one ("She's back") is told with that,
and a reply that says nothing alone with its question. Sentences of the previous summary are kept while there is room,
so that the beginning of a session survives; when the budget is used up, new sentences gradually replace old ones.
Lines that a program wrote (logs, code) are left out.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np

from omoide.core.clock import local
from omoide.core.offload import offload, offload_steps
from omoide.core.records import Message
from omoide.inference.batching import batches
from omoide.inference.embedders import Embedder, Vector, Vectors
from omoide.inference.rejected_inputs import embed_or_zeros
from omoide.inference.tokens import TokenCounter
from omoide.reasoner.extractive.bounded_cache import BoundedCache
from omoide.reasoner.extractive.dates import with_dates
from omoide.reasoner.extractive.machine_text import without_machine_lines
from omoide.reasoner.extractive.ranking import Costs, Similarities, centrality, choose, nearest_to_middle, similarities
from omoide.reasoner.extractive.sentence_salience import ASKED, is_filler, leans, salience, salience_after
from omoide.reasoner.extractive.sentences import sentences as sentences_of
from omoide.reasoner.extractive.terms import words
from omoide.reasoner.protocol import SummaryKind, SummaryTask

SHARE: dict[SummaryKind, float] = {"short": 0.33, "long": 0.4}
"""Share of the new messages' tokens that a summary includes."""
LEAST_TOKENS = 160
"""Minimum token budget for new sentences, so that a few short messages are kept whole."""
NEW_AT_LEAST = 0.5
"""Share of a full summary that is reserved for new sentences."""
MOST_SENTENCES = 2_000
"""Maximum sentences compared (16 MB); of a longer text, those nearest to the mean vector."""
MOST_SENTENCE_TOKENS = 120
"""A longer sentence is a list, a table or a log."""
LEAST_WORTH = 0.35
"""Sentences with a lower factor (see `salience`) are used only if there are no others."""
WISH = 2.0
"""Weight of the similarity to the instructions."""
SAME_VECTOR, SAME_WORDS = 0.85, 0.8
"""Minimum cosine similarity and share of common words (Jaccard) of repetitions by one speaker."""

AT_A_TIME = 256
"""Sentences processed per step."""
PAIRS_AT_A_TIME = 2_048
"""Pairs of sentences compared per step."""

REMEMBERED_SENTENCES = 8_192
"""Size of the caches of vectors (1 kB each) and token counts: the summaries of about thirty busy sessions."""

CONTEXT = 0.2
"""Share of the room for new sentences that is added for those that they lean on."""
CENTRAL = 0.3
"""Weight of the centrality of a sentence relative to its salience."""

_ENDS = (*".!?…:;,。！？؟।)]”’\"'",)
"""After another sign a sentence is joined with a semicolon."""
_SPEAKER = re.compile(r"(?:\[(\d{4}-\d\d-\d\d)\] )?(?:([^:\n]{1,80}): )?(?=\S)")


class _Sentence(NamedTuple):
    text: str
    speaker: str | None
    """None for a line of a previous summary without a speaker."""
    line: int
    """Number of the line of the previous summary, or of the message; its sentences are joined."""
    carried: bool
    day: str | None = None
    """When it was said; None if that is not known."""
    at: datetime | None = None
    """The same for a new sentence, whose relative dates are not resolved yet."""


class Summarizer:
    """Creates summaries. Caches vectors and token counts of sentences, which recur in the next summary."""

    def __init__(self, embedder: Embedder, tokens: TokenCounter) -> None:
        self._embedder = embedder
        self._tokens = tokens
        self._vectors: BoundedCache[Vector] = BoundedCache(REMEMBERED_SENTENCES)
        self._costs: BoundedCache[int] = BoundedCache(REMEMBERED_SENTENCES)

    async def summarize(self, task: SummaryTask) -> str:
        """Return a summary of at most `task.max_tokens` tokens; empty if the messages contain only small talk.

        Deterministic. Instructions are used as a topic: sentences near to it are preferred. Raises Unavailable if the
        embedder is unavailable.
        """
        sentences = [sentence for part in _parts(task) for sentence in await offload(_sentences, *part)]
        if not sentences:
            return ""
        vectors = await self._embedded([*(sentence.text for sentence in sentences), task.instructions or ""])
        return await offload_steps(self._written(task, sentences, vectors[:-1], vectors[-1]))

    async def _embedded(self, texts: Sequence[str]) -> Vectors:
        known = self._vectors.known(texts)
        if missing := [text for text in dict.fromkeys(texts) if text not in known]:
            embedded = dict(zip(missing, await embed_or_zeros(self._embedder, missing), strict=True))
            # Not cached: a text that was refused may be accepted the next time.
            self._vectors.keep({text: vector for text, vector in embedded.items() if vector.any() or not text.strip()})
            known |= embedded
        return np.array([known[text] for text in texts])

    def _written(
        self, task: SummaryTask, sentences: Sequence[_Sentence], vectors: Vectors, wish: Vector
    ) -> Generator[None, None, str]:
        kept = _kept(sentences, vectors)
        sentences = [sentences[index] for index in kept]
        yield
        counts: list[int] = []
        for first in range(0, len(sentences), AT_A_TIME):
            some = sentences[first : first + AT_A_TIME]
            counts += self._counted([_lines([sentence._replace(day=None)]) for sentence in some])
            yield
        costs = np.array(counts, dtype=np.int64) + 1
        return (yield from _summary(task, sentences, vectors[kept], wish, costs, self._tokens))

    def _counted(self, lines: Sequence[str]) -> list[int]:
        known = self._costs.known(lines)
        if missing := [line for line in dict.fromkeys(lines) if line not in known]:
            counts = dict(zip(missing, self._tokens.count_all(missing), strict=True))
            self._costs.keep(counts)
            known |= counts
        return [known[line] for line in lines]


def _kept(sentences: Sequence[_Sentence], vectors: Vectors) -> list[int]:
    """Return the indices of the sentences to consider: all old ones, and the new ones nearest to their mean vector."""
    old = sum(sentence.carried for sentence in sentences)
    return [*range(old), *(old + index for index in nearest_to_middle(vectors[old:], max(MOST_SENTENCES - old, 0)))]


def _parts(task: SummaryTask) -> Iterator[tuple[Sequence[str], Sequence[Message], int]]:
    """Yield arguments for `_sentences` in batches that take little time each."""
    carried = (task.previous or "").splitlines()
    yield carried, (), 0
    line = len(carried)
    for texts in batches([message.content for message in task.messages], most_texts=100, most_characters=25_000):
        first = line - len(carried)
        yield (), task.messages[first : first + len(texts)], line
        line += len(texts)


def _sentences(carried: Sequence[str], messages: Sequence[Message], line: int) -> list[_Sentence]:
    """Split the lines of the previous summary, then the messages, into sentences without small talk.

    `line` is the number of the first line or message.
    """
    result: list[_Sentence] = []
    on = None
    for number, text in enumerate(carried, line):
        named = _SPEAKER.match(text)
        on = (named and named[1]) or on
        for sentence in sentences_of(text[named.end() :] if named else text):
            result.append(_Sentence(sentence, named[2] if named else None, number, True, on))
    for number, message in enumerate(messages, line + len(carried)):
        speaker = " ".join(message.peer_id.split())
        at = local(message.created_at, message.utc_offset)
        on = f"{at:%Y-%m-%d}"
        for sentence in sentences_of(without_machine_lines(message.content)):
            if not is_filler(sentence):
                result.append(_Sentence(sentence, speaker, number, False, on, at))
    return result


def _summary(
    task: SummaryTask,
    sentences: Sequence[_Sentence],
    vectors: Vectors,
    wish: Vector,
    costs: Costs,
    tokens: TokenCounter,
) -> Generator[None, None, str]:
    old = sum(sentence.carried for sentence in sentences)
    similar = similarities(vectors)
    yield
    worths = np.empty(len(sentences), dtype=np.float32)
    for first in range(0, len(sentences), AT_A_TIME):
        some = sentences[first : first + AT_A_TIME]
        worths[first : first + AT_A_TIME] = [
            salience_after(sentence.text, before.text) if before else salience(sentence.text)
            for sentence, before in ((one, _before(sentences, first + at)) for at, one in enumerate(some))
        ]
        yield
    scores = (CENTRAL * centrality(similar) + 1 - CENTRAL) * worths * (1 + WISH * np.maximum(vectors @ wish, 0))
    yield
    carried, new = _pools(sentences, old, (yield from _said_again(sentences, similar)))
    yield
    fit = [index for index in new if costs[index] <= MOST_SENTENCE_TOKENS and worths[index] >= LEAST_WORTH]
    room = _room_for_new(int(costs[new].sum()), int(costs[carried].sum()), task)
    chosen = choose(scores, similar, costs, room, among=fit or new)
    chosen += _context_of(chosen, sentences, costs, room + int(CONTEXT * room) - int(costs[chosen].sum()))
    remaining = task.max_tokens - int(costs[chosen].sum())
    chosen += choose(scores, similar, costs, remaining, among=carried, selected=chosen)
    if not chosen:  # no sentence fits: truncate the best one
        return tokens.trim(_lines([sentences[int(scores.argmax())]]), task.max_tokens).rstrip()
    return _fitting(sentences, chosen, task.max_tokens, tokens)


def _context_of(chosen: Sequence[int], sentences: Sequence[_Sentence], costs: Costs, budget: int) -> list[int]:
    """Return the sentences that chosen new ones lean on, in the order of choice, within the budget."""
    taken = {*chosen}
    added: list[int] = []
    for index in chosen:
        before, known = index - 1, _before(sentences, index)
        if known is None or before in taken or not leans(sentences[index].text, known.text):
            continue
        if costs[before] <= budget:
            budget -= int(costs[before])
            taken.add(before)
            added.append(before)
    return added


def _before(sentences: Sequence[_Sentence], index: int) -> _Sentence | None:
    """The sentence before a new one in the same message, or the question of another speaker that it replies to."""
    if index == 0 or sentences[index].carried or sentences[index - 1].carried:
        return None
    before, sentence = sentences[index - 1], sentences[index]
    is_asked = before.line == sentence.line - 1 and before.speaker != sentence.speaker and before.text.endswith(ASKED)
    return before if before.line == sentence.line or is_asked else None


def _pools(sentences: Sequence[_Sentence], old: int, again: dict[int, int]) -> tuple[list[int], list[int]]:
    """Return the indices of carried and of new sentences. A repetition of an old sentence is carried in its place."""
    carried: dict[int, None] = {}
    for sentence in range(old):
        last = sentence
        while last in again:
            last = again[last]
        carried[last] = None
    return [*carried], [index for index in range(old, len(sentences)) if index not in again and index not in carried]


def _room_for_new(new: int, carried: int, task: SummaryTask) -> int:
    """Return the token budget for new sentences, given the total tokens of the new and of the carried ones."""
    target = min(max(LEAST_TOKENS, int(new * SHARE[task.kind])), task.max_tokens)
    return max(min(target, task.max_tokens - carried), min(target, int(task.max_tokens * NEW_AT_LEAST)))


def _said_again(sentences: Sequence[_Sentence], similar: Similarities) -> Generator[None, None, dict[int, int]]:
    """Map each sentence to its later near-duplicate by the same speaker, which is kept, as it may be a correction."""
    said: dict[int, frozenset[str]] = {}
    again = {}
    compared = 0
    for one in range(len(sentences)):
        for other in (one + 1 + np.flatnonzero(similar[one, one + 1 :] >= SAME_VECTOR)).tolist():
            compared += 1
            if compared % PAIRS_AT_A_TIME == 0:
                yield
            if sentences[one].speaker == sentences[other].speaker:
                for each in (one, other):
                    if each not in said:
                        said[each] = frozenset(words(sentences[each].text))
                common = len(said[one] & said[other])
                if common >= SAME_WORDS * len(said[one] | said[other]):
                    again[one] = other
    return again


def _lines(sentences: Sequence[_Sentence]) -> str:
    """Format sentences as `alice: First. Second.`, one line for each message or line that they come from."""
    lines: dict[int, str] = {}
    on = None
    for sentence in sentences:
        text = sentence.text
        if not sentence.carried and sentence.at is not None:
            text = with_dates(text, sentence.at)
        if begun := lines.get(sentence.line):
            lines[sentence.line] = f"{begun} {text}" if begun.endswith(_ENDS) else f"{begun}; {text}"
            continue
        begin = f"[{sentence.day}] " if sentence.day and sentence.day != on else ""
        on = sentence.day or on
        lines[sentence.line] = f"{begin}{sentence.speaker}: {text}" if sentence.speaker else f"{begin}{text}"
    return "\n".join(lines.values())


def _fitting(sentences: Sequence[_Sentence], chosen: list[int], most: int, tokens: TokenCounter) -> str:
    """Join the chosen sentences. The last chosen ones are dropped if the joined text exceeds the limit."""
    while True:
        text = _lines([sentences[index] for index in sorted(chosen)])
        if tokens.count(text) <= most:
            return text
        if len(chosen) == 1:
            return tokens.trim(text, most)
        chosen = chosen[:-1]
