"""Weigh what is known about a person: how much it would be missed in a month. Pure, some microseconds per text.

A statement is worth more the more it tells about a lasting thing: family, home, work, health, possessions, tastes.
It is worth little if it leans on a sentence that is not there ("it feels so good"), passes with the day, or is mere
talk. Nothing is decided here: representations, summaries and cards rank by it. The words are in `data/worth.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import NamedTuple

from omoide.core.text_cache import text_cache
from omoide.reasoner.equivalence import FILLERS
from omoide.reasoner.extractive.word_lists import word_lists

CACHED_TEXTS = 16_384
CACHED_WORDS = 2_048

RESTATED, QUOTED, OTHER, LED = 0.4, 0.2, 0.45, 0.35
"""Worth to begin with: in the third person, as a quotation, as text of any other form, and if other words lead."""
TOPIC, SECOND_TOPIC = 0.3, 0.05
"""Added for the topic, times its weight, and for another one."""
STANDING, OWN, NAMED, NUMBERED, FULL, ASKING = 0.1, 0.15, 0.08, 0.05, 0.05, 0.2
PASSING, MOMENTARY, LEANING, VAGUE, ADDRESSING, NOW, SHORT, PRONOUN = 0.2, 0.25, 0.25, 0.15, 0.15, 0.08, 0.15, 0.05
"""Taken off for each sign against it."""
ENOUGH_WORDS, FEW_WORDS = 6, 2
"""Content words of a full statement, and of one that says little."""

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_QUOTE = re.compile(r'[^"“”]{1,200}? said: ["“](?P<quote>.*)["”](?P<note>[^"“”]*)$', re.DOTALL)
_REPLY = re.compile(
    r'[^"“”]{1,200}? said: ["“](?P<quote>.*)["”] \([^"]*\bin reply to "(?P<question>[^"]*)"\)$', re.DOTALL
)
_NOTE = re.compile(r" ?\([^()]*\d{4}[^()]*\)")
_NAME = re.compile(r"(?<=[\w,;:'’)\]] )(?!I\b|I['’])[A-Z][\w-]*[a-z]")
_FIGURE = re.compile(r"\d")
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
SIGNS_PER_WORD = 2


class WorthTopic(NamedTuple):
    name: str
    weight: float


class Weighed(NamedTuple):
    """The worth of a text from 0 to 1, its main topic (its longest word if it has none), and a key that is equal for
    texts that differ in case, punctuation and filling words only."""

    worth: float
    topic: str
    key: int


@dataclass(frozen=True, slots=True)
class _Words:
    topics: Mapping[str, WorthTopic]
    pairs: Mapping[tuple[str, ...], WorthTopic]
    """Two words in a row."""
    anywhere: Sequence[tuple[str, WorthTopic]]
    """Words of languages without spaces."""
    signs: Mapping[str, frozenset[str]]


Judge = Callable[[str, Sequence[str], Mapping[str, frozenset[str]]], float]


@text_cache(maxsize=CACHED_TEXTS)
def weigh(content: str, peer_id: str) -> Weighed:
    """Weigh a conclusion about the peer: restated, quoted, or as a caller wrote it."""
    text = _NOTE.sub("", content) if "(" in content else content
    if (reply := _REPLY.match(content)) and content.startswith(peer_id):
        worth, topic = _weighed(f"{reply['question']} {reply['quote']}", QUOTED, _replied)
    elif (match := _QUOTE.match(text)) and text.startswith(peer_id):
        worth, topic = _weighed(match["quote"], QUOTED, _said)
    elif (rest := _predicate(text, peer_id)) is not None:
        worth, topic = _weighed(rest, RESTATED, _stated)
    else:
        worth, topic = _weighed(text, LED if peer_id in text else OTHER, _said)
    return Weighed(worth, topic, hash(" ".join(each for each in _tokens(content) if each not in FILLERS) or content))


@text_cache(maxsize=CACHED_WORDS)
def compared_words(text: str) -> frozenset[str]:
    """The distinct words that carry meaning, synonyms of liking as one, and "not" if anything is negated."""
    signs = _words().signs
    tokens = frozenset(_tokens(text))
    found = {"like" if token in signs["liking"] else token for token in tokens - signs["function"] - FILLERS}
    return frozenset(found) if signs["negating"].isdisjoint(tokens) else frozenset(found | {"not"})


def _tokens(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace("’", "'"))


def weigh_sentence(sentence: str) -> float:
    """Weigh a sentence as its speaker said it."""
    return _weighed(sentence, QUOTED, _said)[0]


def _predicate(text: str, peer_id: str) -> str | None:
    """The text after the peer's id as a subject or owner."""
    head = text[: len(peer_id) + 1].casefold()
    if head == f"{peer_id} ".casefold():
        return text[len(head) :]
    return text[len(peer_id) :] if head[:-1] == peer_id.casefold() and head[-1:] in ("'", "’") else None


def _weighed(text: str, start: float, judge: Judge) -> tuple[float, str]:
    words, tokens = _words(), _tokens(text)
    content = {*tokens} - words.signs["function"]
    topic, topics = _topics(text, tokens, words)
    size = len(content) + (0 if text.isascii() else len(_UNSPACED.findall(text)) // SIGNS_PER_WORD)
    worth = start
    if topic is not None:
        worth += TOPIC * topic.weight + (SECOND_TOPIC if topics > 1 else 0.0)
    if _NAME.search(text):
        worth += NAMED
    if _FIGURE.search(text):
        worth += NUMBERED
    if size >= ENOUGH_WORDS:
        worth += FULL
    elif size < FEW_WORDS or (size == FEW_WORDS and topic is None):
        worth -= SHORT
    if tokens:
        worth += judge(text, tokens, words.signs)
    name = topic.name if topic else max(content, key=lambda word: (len(word), word), default="")
    return max(0.0, min(1.0, worth)), name


def _stated(text: str, tokens: Sequence[str], signs: Mapping[str, frozenset[str]]) -> float:
    """The signs of a predicate: "lives in Lisbon", "is happy to hear it"."""
    first = tokens[0]
    worth = 0.0
    if text.startswith(("'s ", "’s ")):
        worth += STANDING
    elif first in signs["passing"]:
        worth -= PASSING
    elif first in signs["standing"] or (first == "is" and tokens[1:2] and tokens[1] in signs["being"]):
        worth += STANDING
    elif first in ("is", "was", "feels", "gets") and tokens[1:2] and tokens[1] in signs["momentary"]:
        worth -= MOMENTARY
    return worth - _against(tokens, signs)


def _said(text: str, tokens: Sequence[str], signs: Mapping[str, frozenset[str]]) -> float:
    """The signs of a sentence in the speaker's words."""
    all_tokens = frozenset(tokens)
    own = not signs["own"].isdisjoint(all_tokens) or (not text.isascii() and any(each in text for each in "我私僕俺"))
    worth = OWN if own else 0.0
    first = next((token for token in tokens if token not in signs["linking"]), tokens[0])
    if first in signs["asking"]:
        worth += ASKING
    elif first in signs["leaning"]:
        worth -= LEANING
    if not own and not signs["addressing"].isdisjoint(all_tokens):
        worth -= ADDRESSING
    if text.endswith(("?", "？", "؟")):
        worth -= ADDRESSING
    return worth - _against(tokens, signs)


def _replied(text: str, tokens: Sequence[str], signs: Mapping[str, frozenset[str]]) -> float:
    """The signs of a reply together with its question, which is about the one who replies."""
    return OWN - (0.0 if signs["now"].isdisjoint(tokens) else NOW)


def _against(tokens: Sequence[str], signs: Mapping[str, frozenset[str]]) -> float:
    against = VAGUE if tokens[-1] in signs["vague"] else 0.0 if signs["pronouns"].isdisjoint(tokens) else PRONOUN
    return against + (0.0 if signs["now"].isdisjoint(tokens) else NOW)


def _topics(text: str, tokens: Sequence[str], words: _Words) -> tuple[WorthTopic | None, int]:
    """The weightiest topic, and the number of topics."""
    found = {topic for token in tokens if (topic := words.topics.get(token)) is not None}
    found.update(words.pairs[pair] for pair in pairwise(tokens) if pair in words.pairs)
    if not text.isascii():
        found.update(topic for word, topic in words.anywhere if word in text)
    return max(found, key=lambda topic: topic.weight, default=None), len(found)


@cache
def _words() -> _Words:
    lists = word_lists("worth")
    topics: dict[str, WorthTopic] = {}
    pairs: dict[tuple[str, ...], WorthTopic] = {}
    anywhere: list[tuple[str, WorthTopic]] = []
    tables = [(WorthTopic(each["name"], each["weight"]), each["words"].split()) for each in lists.tables("topics")]
    for topic, words in tables:
        for word in words:
            if _UNSPACED.match(word):
                anywhere.append((word, topic))
            elif "_" in word:
                pairs[(*word.split("_"),)] = topic
            elif word not in topics:
                topics[word] = topic
    for topic, words in tables:
        for word in words:
            for form in _forms(word):
                topics.setdefault(form, topic)
    return _Words(topics, pairs, anywhere, {name: lists.section("signs").words(name) for name in _SIGNS})


_SIGNS = (
    *("standing", "passing", "momentary", "leaning", "vague", "asking", "pronouns"),
    *("own", "addressing", "now", "function", "liking", "negating", "being", "linking"),
)


def _forms(word: str) -> tuple[str, ...]:
    """The usual forms of an English word."""
    if not word.isascii() or not word.isalpha():
        return ()
    if word.endswith("y") and word[-2:-1] not in ("a", "e", "o", "u"):
        return f"{word[:-1]}ies", f"{word[:-1]}ied", f"{word}ing"
    stem = word[:-1] if word.endswith("e") else word
    return f"{word}s", f"{word}es", f"{stem}ed", f"{stem}ing"
