"""Choose what a peer's messages say that is worth a conclusion, each with the context that it needs. Pure.

`candidates` reads the messages in order. A sentence that means nothing alone is joined with the sentences before it in
the same turn, or with the question that it answers; otherwise it is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from omoide.core.records import Message
from omoide.inference.glosses import ENGLISH, language_of
from omoide.reasoner.extractive.foreign import is_foreign, is_foreign_statement_worth_keeping
from omoide.reasoner.extractive.inner_statements import inner_statements
from omoide.reasoner.extractive.leaning import Lean, is_verbless, leaning, names_a_person, names_whom
from omoide.reasoner.extractive.lexicon import is_english
from omoide.reasoner.extractive.machine_text import without_machine_lines
from omoide.reasoner.extractive.sentences import is_enumeration, sentences
from omoide.reasoner.extractive.shapes.read import fills_line, matches_shape
from omoide.reasoner.extractive.smalltalk import is_smalltalk, without_opening
from omoide.reasoner.extractive.statements import SentenceKind, kind_of
from omoide.reasoner.extractive.word_lists import word_lists

MOST_BACK = 3
"""How many sentences back a pronoun is resolved."""
LONGEST_JOINED = 400
"""Maximum characters of sentences that are quoted together."""
LONGEST_QUESTION = 160
MOST_INTERJECTION_WORDS = 4
LONGEST_PAUSE = 8 * 3_600_000_000
"""Microseconds between two messages after which the second neither continues nor answers the first."""
MOST_BARE_WORDS = 4
"""A statement of up to so many words tells nothing alone, unless it names what it is about."""
_SAYING = frozenset({SentenceKind.STATEMENT, SentenceKind.FRAGMENT, SentenceKind.INSTRUCTION})
FEWEST_WORDS = 3
"""Fewer words of an earlier sentence give no context, and fewer of a later one add nothing to it."""

_OWN_LEAD = re.compile(r"(?:i|i'm|i've|my|our|we|we've)\b[^:]*:", re.IGNORECASE)
_TELLING = (
    word_lists("cues").words("amount")
    | word_lists("cues").words("calendar")
    | word_lists("selection").words("life_events")
)
"""Words with which the shortest sentence tells something."""
_ANSWERS = word_lists("selection").phrases("one_word_answers")
_ABOUT_YOU = re.compile(
    r"(?:and |so |but )?(?:(?:do|did|are|were|have|had|don't|didn't|aren't|haven't) you"
    r"|(?:is|are|was|does|did|has) your)\b[^?]*\?$",
    re.IGNORECASE,
)
_NAMING = re.compile(r"\b(?i:an?|my|our)\b|\d|\S +(?!I\b|I')[A-Z]")
_EXCLAMATION = re.compile(
    r"(?:what an? |how (?!to\b|i\b|we\b|my\b)\w+(?:[!.]|$| (?:of|is|was)\b)|such an? )", re.IGNORECASE
)


@dataclass(slots=True, eq=False)
class Sentence:
    """A sentence of the observed peer."""

    text: str
    message: Message
    plain: str
    """Without its opening, with straight apostrophes."""
    kind: SentenceKind
    follows: Sentence | None
    """The sentence before it in the same turn."""
    earlier: Sentence | None = None
    """The last sentence of the turn before, if what others said in between names nobody else."""

    @property
    def lean(self) -> Lean:
        return leaning(self.plain)


@dataclass(slots=True, eq=False)
class PossibleFact:
    """Something that may become a conclusion."""

    sentence: Sentence
    statement: str
    """The sentence, or the statement inside it."""
    context: tuple[Sentence, ...] = ()
    """The sentences before it without which it means nothing, first to last."""
    question: str = ""
    """What it answers."""
    question_id: str = ""
    is_certain: bool | None = None
    """Whether rules alone decide that it is, or is not, worth keeping."""
    is_foreign: bool = False
    contents: list[str] = field(default_factory=list)


def turns(messages: Sequence[Message], peer_id: str) -> Iterator[tuple[Sentence, Message | None]]:
    """Yield the peer's sentences with the message of another peer just before their turn, if any."""
    other: Message | None = None
    last: Sentence | None = None
    earlier: Sentence | None = None
    for before, message in zip([None, *messages], messages, strict=False):
        if before is not None and message.created_at - before.created_at > LONGEST_PAUSE:
            other = last = earlier = None
        if message.peer_id != peer_id:
            earlier = last or earlier
            if earlier is not None and not _is_interjection(message.content):
                earlier = None
            other, last = message, None
            continue
        for text in sentences(without_machine_lines(message.content)):
            plain = without_opening(text.replace("’", "'"))
            last = Sentence(text, message, plain, kind_of(text), last, None if last else earlier)
            yield last, other


def _is_interjection(content: str) -> bool:
    """Whether a message of another peer leaves it clear whom "she" means."""
    plain = without_opening(content.replace("’", "'"))
    return (len(plain.split()) <= MOST_INTERJECTION_WORDS or is_smalltalk(plain)) and not names_a_person(plain)


def candidates_of(sentence: Sentence, other: Message | None) -> list[PossibleFact]:
    """Return what the sentence may contribute; nothing if it states nothing, or means nothing alone.

    What is a line of a card means something alone.
    """
    found = _candidates_of(sentence, other)
    if not found and sentence.kind in _SAYING and fills_line(sentence.text):
        return [PossibleFact(sentence, sentence.text, is_certain=True)]
    return found


def _candidates_of(sentence: Sentence, other: Message | None) -> list[PossibleFact]:
    kind = sentence.kind
    if "\0" in sentence.text or _EXCLAMATION.match(sentence.plain) or _is_menu(sentence.plain):
        return []
    if kind is SentenceKind.NOTHING:
        return _yes_or_no(sentence, other)
    if is_foreign(sentence.plain):
        return _foreign(sentence)
    if kind is SentenceKind.INSTRUCTION:
        return [PossibleFact(sentence, sentence.text, is_certain=True)]
    if kind is SentenceKind.STATEMENT and is_verbless(sentence.plain):
        kind = sentence.kind = SentenceKind.FRAGMENT
    if kind in {SentenceKind.QUESTION, SentenceKind.REQUEST}:
        inner = [said for said in inner_statements(sentence.plain) if kind_of(said) is SentenceKind.STATEMENT]
        return [PossibleFact(sentence, said) for said in inner if leaning(said) is Lean.NONE]
    if kind is SentenceKind.STATEMENT and sentence.lean is Lean.NONE and not _is_bare(sentence.plain):
        return [PossibleFact(sentence, sentence.text)]
    found = _in_context(sentence) if len(sentence.plain.split()) >= FEWEST_WORDS else None
    found = found or _as_reply(sentence, other)
    if found is None and kind is SentenceKind.STATEMENT and sentence.lean is Lean.LINKED:
        found = PossibleFact(sentence, sentence.text)
    return [found] if found else []


def _is_bare(plain: str) -> bool:
    """Whether it is as short as "I failed" or "I have the keys", and names nothing: no "a", "my", name or number."""
    words = [word.strip(".,!;:…\"'()").lower() for word in plain.split()]
    if len(words) > MOST_BARE_WORDS or not plain.isascii() or _NAMING.search(plain):
        return False
    is_known = _TELLING.isdisjoint(words) and all(is_english(word) for word in words if "'" not in word)
    return is_known and not matches_shape(plain)


def _foreign(sentence: Sentence) -> list[PossibleFact]:
    if sentence.kind is SentenceKind.QUESTION:
        return []
    is_statement = sentence.kind in {SentenceKind.STATEMENT, SentenceKind.INSTRUCTION}
    is_kept: bool | None = fills_line(sentence.text)
    if not is_kept and is_statement and is_foreign_statement_worth_keeping(sentence.plain):
        is_kept = None if language_of(sentence.plain) != ENGLISH else True
    return [PossibleFact(sentence, sentence.text, is_certain=is_kept, is_foreign=True)]


def _is_menu(plain: str) -> bool:
    """Whether it is a numbered list of somebody's options, and not of what the speaker has."""
    return is_enumeration(plain) and not _OWN_LEAD.match(plain)


def _yes_or_no(sentence: Sentence, other: Message | None) -> list[PossibleFact]:
    """The answer to a question about the speaker that is answered by one word."""
    answer = sentence.text.lower().replace(",", "").strip(" .!")
    if other is None or sentence.follows is not None or answer not in _ANSWERS:
        return []
    question = last_sentence(other)
    if len(question) > LONGEST_QUESTION or not _ABOUT_YOU.match(without_opening(question.replace("’", "'"))):
        return []
    return [PossibleFact(sentence, sentence.text, question=question, question_id=other.id)]


def _in_context(sentence: Sentence) -> PossibleFact | None:
    """The sentence with those before it, from the nearest that stands alone and gives what is missing."""
    context: list[Sentence] = []
    before = sentence.follows or (sentence.earlier if sentence.lean is Lean.PERSON else None)
    size = len(sentence.text)
    while before is not None and len(context) < MOST_BACK:
        context.insert(0, before)
        size += len(before.text) + 1
        if size > LONGEST_JOINED:
            return None
        if _anchors(before) and _gives(sentence, context):
            return PossibleFact(sentence, sentence.text, context=tuple(context))
        before = before.follows or (before.earlier if sentence.lean is Lean.PERSON else None)
    return None


def _anchors(sentence: Sentence) -> bool:
    """Whether the sentence means something alone."""
    return sentence.lean <= Lean.LINKED and sentence.kind is not SentenceKind.FRAGMENT and _is_content(sentence.plain)


def _gives(sentence: Sentence, context: Sequence[Sentence]) -> bool:
    if sentence.lean is Lean.PERSON:
        return any(names_whom(each.plain, sentence.plain) for each in context)
    return True


def _is_content(plain: str) -> bool:
    return len(plain.split()) >= FEWEST_WORDS and not is_smalltalk(plain)


def _as_reply(sentence: Sentence, other: Message | None) -> PossibleFact | None:
    """The sentence with what it replies to, if it is the first of its turn: a question, or a word about a person."""
    if other is None or sentence.follows is not None:
        return None
    before = last_sentence(other)
    if len(before) > LONGEST_QUESTION or not _is_content(before):
        return None
    plain = without_opening(before.replace("’", "'"))
    is_person = sentence.lean is Lean.PERSON
    is_question = kind_of(before) is SentenceKind.QUESTION
    if leaning(plain) > Lean.LINKED:
        return None
    if is_person and not names_whom(plain, sentence.plain, surely=not is_question):
        return None
    if not is_question and not (is_person and kind_of(before) is SentenceKind.STATEMENT):
        return None
    return PossibleFact(sentence, sentence.text, question=before, question_id=other.id)


def last_sentence(message: Message) -> str:
    """The last sentence of a message, or ""."""
    found = sentences(without_machine_lines(message.content))
    return found[-1] if found else ""
