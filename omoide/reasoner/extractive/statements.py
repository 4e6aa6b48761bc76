"""Decide which sentences state something; questions, requests, greetings and fragments do not. Pure.

Word rules are for English; for other languages question marks, the small talk tables and the length decide. A standing
instruction ("never call me Bob") is a statement about the speaker. A sentence that may be a statement or a request
counts as a request.
"""

from __future__ import annotations

import re
from enum import StrEnum

from omoide.core.text_cache import text_cache
from omoide.reasoner.extractive.grammar import SUBJECT_FORMS
from omoide.reasoner.extractive.imperatives import is_request, is_standing_instruction
from omoide.reasoner.extractive.lexicon import is_english, may_be_finite
from omoide.reasoner.extractive.shapes.read import asks_or_gives_contact
from omoide.reasoner.extractive.smalltalk import is_smalltalk, without_opening
from omoide.reasoner.extractive.word_lists import word_lists

CACHED_SENTENCES = 8_192
"""Size of the cache: a sentence is checked for facts, for a short summary and for a long one."""

FEWEST_WORDS = 3
"""Shorter sentences are fragments, unless they are in the first person."""
FEWEST_UNSPACED = 5
"""The same limit in characters, for scripts without spaces between words."""
MOST_SYMBOLS, SOME_SYMBOLS = 0.08, 3
"""A text with a larger share of programming symbols, and at least this many, is code."""

_URL = re.compile(r"(?:https?|ftp)://\S+|www\.\S+|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,255}\.\w+")
_LINK = re.compile(r"!?\[([^\]\n]{0,300})\]\([^)\s]{1,1000}\)")
_SYMBOLS = re.compile(r"[{}<>=;\\|_`]")
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Letters of Thai, Lao, Burmese, Khmer, Japanese and Chinese."""
_QUOTED = re.compile(r"""["“”„«»「」『』][^"“”„«»「」『』]*["“”„«»「」『』][.!,…]*""")
_QUESTION_MARKS = frozenset("?？؟⸮;՞")
_ASKING_ENDS = ("ですか", "ますか", "ましたか", "でしょうか", "のか", "吗", "嗎", "까요", "나요", "습니까", "입니까")

_ASKING = re.compile(
    r"(?:(?:what|who|whom|whose|where|when|why|how|which)\s+(?:is|are|was|were|am|do|does|did|can|could|will|would"
    r"|should|shall|may|might|has|have|had)\b"
    r"|(?:what|who|where|when|why|how)'(?:s|re|d)\b|how (?:much|many|long|often|old|far|about|come)\b"
    r"|what (?:about|if)\b|why (?:not|don't|doesn't|didn't)\b|what \w+ (?:do|did|is|are)\b"
    r"|any (?:idea|ideas|chance|tips|thoughts|advice|suggestions)\b"
    r"|(?:do|does|is|are|am|can|could|will|would|should|shall|may|isn't|aren't|don't|doesn't|can't|couldn't|won't"
    r"|wouldn't)\s+(?:i|you|he|she|it|we|they|there|this|that|these|those|the|my|your|anyone|anybody|someone)\b"
    r"|(?:did|was|were|has|have|had|didn't|wasn't|weren't|haven't|hasn't)\s+"
    r"(?:i|you|he|she|it|we|they|there|anyone)\b"
    r"|(?:i was|i'm|i am|just) wondering\b|i wonder\b|i(?:'d| would) like to (?:know|ask)\b|i want to know\b)",
    re.IGNORECASE,
)
"""Beginnings of questions without a question mark."""
_TAG = re.compile(
    r",\s*(?:right|correct|eh|huh|no|yes|yeah|innit|ok|okay|(?:is|are|was|were|do|does|did|has|have|had|can|could|will"
    r"|would|should|am)(?:n't)?\s+(?:not\s+)?(?:i|you|he|she|it|we|they|there))[\W_]*$",
    re.IGNORECASE,
)

_LEANING = re.compile(
    r"(?:i|i'm|i've)(?: (?:really|also|do|just|absolutely|totally|always|still|too|can't|don't|can|didn't|will|would))*"
    r"(?: \w+)? (?:it|that|this|so|them)(?: so much| a lot| too| very much| as well| either| now)?"
    r"|(?:i|i'm|i've)(?: (?:am|do|did|don't|didn't|can|can't|will|won't|have|haven't|was|wasn't|would|wouldn't|could"
    r"|should|shouldn't|might|must))+(?: (?:not|too|so|already|now|yet|either|both|all|again))*"
    r"|(?!.*\b(?:i|i'm|me|my|mine)\b)(?:it|that|this|it's|that's|there|there's|here's|these|those|they)(?: \S+){1,2}"
    r"|(?:sounds|looks|seems) .{1,40}|(?:here|below) (?:is|are) .*|here's .*|here you .*|let me .*"
    r"|i(?:'d| would|'ll| will) be (?:happy|glad|delighted) to .*",
    re.IGNORECASE,
)
"""Sentences that depend on the previous one."""
_SAYS_I = word_lists("grammar").words("says_i")
_ADDRESSED = re.compile(
    r"\b(?:me|my|i|your|you)\b"
    r"|^(?:please|keep|use|no|be|answer|reply|respond|write|explain|skip|avoid|stop|give|show|name's|don't|do not"
    r"|never|always|limit|speak|talk|address|start|end|call|refer|format|cut|drop|leave|get|make|prefer|from now"
    r"|in general)\b",
    re.IGNORECASE,
)
"""Pre-filter for wishes about how to answer and for contact data."""
_NAMED = re.compile(r"[\w(][\w ()/'-]{0,40}[:：][-*+•\d.)\s]*\w")


class SentenceKind(StrEnum):
    """What a sentence is."""

    NOTHING = "nothing"
    """Small talk, a quotation, code, or no words."""
    QUESTION = "question"
    REQUEST = "request"
    FRAGMENT = "fragment"
    """It depends on the sentence before it, or lacks a verb."""
    INSTRUCTION = "instruction"
    """A standing one."""
    STATEMENT = "statement"


def states_something(sentence: str) -> bool:
    """Whether a sentence from `sentences` is a statement or a standing instruction."""
    return kind_of(sentence) in {SentenceKind.STATEMENT, SentenceKind.INSTRUCTION}


@text_cache(maxsize=CACHED_SENTENCES)
def kind_of(sentence: str) -> SentenceKind:
    """What a sentence from `sentences` is. A wish about how to answer, and contact data, count as an instruction."""
    kind = _kind_of(sentence)
    if kind in {SentenceKind.STATEMENT, SentenceKind.INSTRUCTION} or not _ADDRESSED.search(sentence):
        return kind
    return SentenceKind.INSTRUCTION if asks_or_gives_contact(sentence) else kind


def _kind_of(sentence: str) -> SentenceKind:
    plain = without_opening(_without_addresses(sentence).replace("’", "'"))
    if _is_question(plain):
        return SentenceKind.QUESTION
    if _is_unreadable(plain) or _QUOTED.fullmatch(plain) or is_smalltalk(plain):
        return SentenceKind.NOTHING
    if is_standing_instruction(plain):
        return SentenceKind.INSTRUCTION
    if _ASKING.match(plain) or _TAG.search(plain):
        return SentenceKind.QUESTION
    if is_request(plain):
        return SentenceKind.REQUEST
    return (
        SentenceKind.FRAGMENT
        if _LEANING.fullmatch(plain.rstrip(".!… ")) or _is_fragment(plain)
        else SentenceKind.STATEMENT
    )


def _without_addresses(sentence: str) -> str:
    """Remove URLs and email addresses; Markdown links are replaced by their text."""
    if "@" not in sentence and "/" not in sentence and "www" not in sentence:
        return sentence
    return " ".join(_URL.sub(" ", _LINK.sub(r"\1", sentence)).split())


def _is_fragment(plain: str) -> bool:
    """Whether the sentence is too short, or lacks a verb, to state something."""
    unspaced = len(_UNSPACED.findall(plain))
    if unspaced * 2 > sum(map(str.isalpha, plain)):
        return unspaced < FEWEST_UNSPACED
    words = [word.strip(".,!;:…\"'()*").casefold() for word in plain.split()]
    words = [word for word in words if any(map(str.isalnum, word))]
    if len(words) >= FEWEST_WORDS:
        # Checked first, because most sentences have a verb, and the words after it need not be looked up.
        return not any(map(may_be_finite, words)) and not _NAMED.match(plain) and all(map(is_english, words))
    return len(words) < 2 or not (words[0] in SUBJECT_FORMS or _SAYS_I & set(words) or _NAMED.match(plain))


def _is_question(plain: str) -> bool:
    end = len(plain)
    while end and not plain[end - 1].isalnum():
        end -= 1
    if plain.startswith("¿") or _QUESTION_MARKS.intersection(plain[end:]):
        return True
    return plain[:end].endswith(_ASKING_ENDS)


def _is_unreadable(plain: str) -> bool:
    """Whether the text has no letters, ends with a colon, or is code."""
    if not any(map(str.isalpha, plain)) or plain.endswith((":", "：")):
        return True
    symbols = len(_SYMBOLS.findall(plain))
    return symbols >= SOME_SYMBOLS and symbols > MOST_SYMBOLS * len(plain)
