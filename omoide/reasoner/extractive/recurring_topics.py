"""Find what a peer comes back to in several sessions: people, animals, places and things by name or noun. Pure.

A topic is a noun of statements that are worth something, whose vectors are nearer to each other than to the rest, so
that words of any talk ("way", "end") are none. Nouns of mostly the same statements are one topic.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from omoide.core.records import Conclusion
from omoide.core.text_cache import text_cache
from omoide.inference.embedders import Vectors
from omoide.reasoner.equivalence import GUARDS, NUMBER_WORDS
from omoide.reasoner.extractive.dictionary import getAllLemmas
from omoide.reasoner.extractive.lexicon import is_english
from omoide.reasoner.extractive.terms import EMPTY
from omoide.reasoner.extractive.word_lists import word_lists
from omoide.reasoner.extractive.worth import weigh

CACHED_WORDS = 8_192
LEAST_SESSIONS, LEAST_STATEMENTS = 3, 4
LEAST_WORTH = 0.3
"""Statements that are worth less are mere talk."""
LEAST_COHERENCE = 0.05
"""How much nearer to each other the statements of a noun must be than all; names need not."""
SHARED = 0.5
"""Share of common statements of two nouns that are one topic."""
MOST_SHARE = 0.3
"""A noun in a larger share of the statements tells nothing; of few statements it may be in `FEW`."""
FEW = 6
MOST_TOPICS = 12
MOST_WORDS = 3
SHORTEST = 3
"""Letters of a noun."""

_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_NOTE = re.compile(r' ?\([^()]*(?:\d{4}|in reply to ")[^()]*\)')
"""Dates, and the question of another peer."""


@dataclass(slots=True)
class RecurringTopic:
    """Its nouns, the most frequent first, and the best statement of each session, by session."""

    nouns: list[str]
    sources: Mapping[str, Conclusion]


@dataclass(slots=True)
class _Noun:
    rows: list[int] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)
    forms: Counter[str] = field(default_factory=Counter)
    """How it is written, within a sentence."""


def recurring_topics(conclusions: Sequence[Conclusion], vectors: Vectors, peer_id: str) -> list[RecurringTopic]:
    """Return the topics of explicit conclusions, most sessions first. `vectors`: one row for each of them."""
    worths = [weigh(each.content, peer_id).worth for each in conclusions]
    told = [at for at, worth in enumerate(worths) if worth >= LEAST_WORTH and conclusions[at].session_id is not None]
    nouns = _nouns(conclusions, told, peer_id)
    most = max(FEW, int(MOST_SHARE * len(told)))
    base = _coherence(vectors[told]) if len(told) > 1 else 0.0
    kept = {
        noun: found
        for noun, found in nouns.items()
        if len(found.sessions) >= LEAST_SESSIONS and LEAST_STATEMENTS <= len(found.rows) <= most
        if _is_name(found) or _coherence(vectors[found.rows]) >= base + LEAST_COHERENCE
    }
    return [_topic(group, kept, conclusions, worths) for group in _groups(kept)][:MOST_TOPICS]


def _nouns(conclusions: Sequence[Conclusion], rows: Iterable[int], peer_id: str) -> dict[str, _Noun]:
    nouns: dict[str, _Noun] = {}
    for row in rows:
        text = _NOTE.sub("", conclusions[row].content).replace(peer_id, " ")
        seen: set[str] = set()
        for match in _WORD.finditer(text):
            written = match[0].removesuffix("'s").removesuffix("’s")
            noun = None if _is_addressed(text, match) else _noun(written.lower())
            if noun is None:
                continue
            found = nouns.setdefault(noun, _Noun())
            if not _begins(text, match) or not is_english(written.lower()):
                found.forms[written] += 1
            if noun not in seen:
                seen.add(noun)
                found.rows.append(row)
                found.sessions.add(conclusions[row].session_id or "")
    return nouns


def _begins(text: str, match: re.Match[str]) -> bool:
    """Whether the word begins a sentence, where any word has a capital."""
    before = text[: match.start()].rstrip(' "“')
    return not before or before.endswith((".", "!", "?", ":", "said"))


def _is_addressed(text: str, match: re.Match[str]) -> bool:
    """Whether somebody is addressed by the word: "It's glass, chef." """
    before, after = text[: match.start()].rstrip(), text[match.end() :]
    is_before = _begins(text, match) and after.startswith(",")
    return is_before or (before.endswith(",") and (not after.strip() or after[0] in '.!?,"'))


@text_cache(maxsize=CACHED_WORDS)
def _noun(word: str) -> str | None:
    """The base form of a word that may be a noun and a topic."""
    if len(word) < SHORTEST or word in EMPTY or word in GUARDS or word in NUMBER_WORDS or word in _no_topics():
        return None
    kinds: dict[str, tuple[str, ...]] = getAllLemmas(word)
    if kinds and not kinds.keys() & {"NOUN", "PROPN"}:
        return None
    base = min(kinds.get("NOUN", (word,)), key=len) if kinds else word
    return None if base in _no_topics() else base


@cache
def _no_topics() -> frozenset[str]:
    return word_lists("dreams").words("no_topics")


def _is_name(noun: _Noun) -> bool:
    """Whether it is mostly written with a capital."""
    capital = sum(count for form, count in noun.forms.items() if form[0].isupper())
    return 2 * capital > noun.forms.total()


def _coherence(vectors: Vectors) -> float:
    """The mean cosine similarity of different rows."""
    count = len(vectors)
    whole = vectors.sum(axis=0)
    own = float(np.square(vectors).sum())
    return (float(whole @ whole) - own) / (count * (count - 1))


def _groups(nouns: Mapping[str, _Noun]) -> list[list[str]]:
    """Group nouns of mostly the same statements; most sessions first."""
    order = sorted(nouns, key=lambda noun: (-len(nouns[noun].sessions), -len(nouns[noun].rows), noun))
    groups: list[list[str]] = []
    for noun in order:
        rows = {*nouns[noun].rows}
        near = (
            group
            for group in groups
            if len(group) < MOST_WORDS and len(rows & {*nouns[group[0]].rows}) >= SHARED * len(rows)
        )
        if (group := next(near, None)) is not None:
            group.append(noun)
        else:
            groups.append([noun])
    return groups


def _topic(
    group: Sequence[str], nouns: Mapping[str, _Noun], conclusions: Sequence[Conclusion], worths: Sequence[float]
) -> RecurringTopic:
    best: dict[str, int] = {}
    for row in sorted({row for noun in group[:1] for row in nouns[noun].rows}):
        session = conclusions[row].session_id or ""
        if session not in best or worths[row] >= worths[best[session]]:
            best[session] = row
    written = _joined([_written(nouns[noun], noun) for noun in group], [each.content for each in conclusions])
    return RecurringTopic(written, {session: conclusions[row] for session, row in best.items()})


def _joined(written: list[str], texts: Sequence[str]) -> list[str]:
    """The nouns, of which two that follow each other in a text are a name of two words: "Root Canal"."""
    for one in written:
        for other in written:
            if one[0].isupper() and any(f"{one} {other}" in text for text in texts):
                return [f"{one} {other}", *(each for each in written if each not in (one, other))]
    return written


def _written(noun: _Noun, base: str) -> str:
    if not _is_name(noun):
        return base
    return max((form for form in noun.forms if form[0].isupper()), key=lambda form: (noun.forms[form], form))
