"""Extract a value of a JSON type for a property from statements. Pure.

A number counts only next to the counted word, a boolean only if a statement expresses it literally, a choice only if it
occurs. If it is uncertain, there is no value.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from omoide.core.records import Json
from omoide.reasoner.equivalence import GUARDS
from omoide.reasoner.extractive import relevance
from omoide.reasoner.extractive.candidates import CandidateStatement
from omoide.reasoner.extractive.questions import ParsedQuestion, spelled
from omoide.reasoner.extractive.slot_answers import FilledSlot
from omoide.reasoner.extractive.terms import base_forms, bases, folded, words

MOST_ITEMS = 10
"""Maximum items of a list."""
MOST_CHOICES = 50
"""Maximum values of an `enum` that are searched for."""
FAR = 3
"""Maximum distance, in words, between a number and the counted word."""

_UNITS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
NUMBERS = {word: number for number, word in enumerate(f"{_UNITS} seventeen eighteen nineteen twenty".split())}
_DIGITS = re.compile(r"-?\d+(?:,\d{3})*(?:\.\d+)?$")
_TOKEN = re.compile(r"-?\d+(?:[.,]\d+)*|[^\W_]+(?:'[^\W_]+)*")
_NEGATIONS = frozenset({"not", "no", "never", "doesn't", "isn't", "hasn't", "don't", "cannot", "can't"})
_PAST = frozenset({"was", "were", "had", "did", "used", "wasn't", "didn't"})
_AUXILIARIES = frozenset({"does", "do", "doesn't", "don't"})
_LEADS = {"is": {"is", "isn't"}, "has": {"has", "hasn't", "have", "own", "keep"}, "can": {"can", "cannot", "can't"}}
"""Words that may follow the peer in a statement, by the first word of the property's name."""
_ARTICLES = frozenset({"a", "an", "the", "any", "to", "in", "of", "at"})
_AFTER = frozenset({"named", "called", "and", "who", "since", "for", "in", "at", "with", "from", "but", "or", "now"})
_COUNTING = frozenset({"number", "count", "total", "amount", "quantity", "num"})
_FORMATS = {
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "date-time": re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d.*"),
    "time": re.compile(r"\d\d:\d\d.*"),
    "email": re.compile(r"[^@\s]+@[^@\s]+"),
    "uri": re.compile(r"[a-z][a-z\d+.-]*:\S+", re.IGNORECASE),
    "uuid": re.compile(r"[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}", re.IGNORECASE),
}


@dataclass(frozen=True, slots=True)
class FieldEvidence:
    """Evidence for one property."""

    asked: ParsedQuestion
    name: str
    slots: Sequence[FilledSlot]
    """The slots that the property asks for, newest first."""
    candidates: Sequence[CandidateStatement]
    scores: relevance.Scores
    """Relevance of each candidate; above zero it may be used."""
    barred: Collection[int]
    """The `id()` of candidates that answer something else."""
    answer: str | None
    """The answer to the question itself, if the property asks for it."""

    def likely(self) -> list[CandidateStatement]:
        """Return the relevant candidates, best first. For a nested property they must mention its parent."""
        own = words(spelled(self.name))
        outer = [bases(term) for term in self.asked.terms if term not in own]
        ranked = sorted(zip(self.scores, self.candidates, strict=True), key=lambda each: -each[0])
        return [
            each
            for score, each in ranked
            if score > 0 and id(each) not in self.barred and (not own or _holds_all(each.text, outer))
        ]


def found(node: Json, type: str, evidence: FieldEvidence) -> Any:
    """Return a value of the type from evidence, or None. The caller validates it against the schema."""
    if "enum" in node:
        return _choice(node["enum"], evidence)
    if type == "string":
        return _text(evidence)
    if type in ("integer", "number"):
        return _number(evidence, whole=type == "integer")
    if type == "boolean":
        return _truth(evidence)
    return _items(node, evidence) if type == "array" else None


def meets_wishes(node: Json, value: Any) -> bool:
    """Whether the value satisfies length, range and known formats of the schema."""
    if isinstance(value, str):
        wished = _FORMATS.get(node["format"]) if isinstance(node.get("format"), str) else None
        return _within(len(value), node.get("minLength"), node.get("maxLength")) and (
            wished is None or wished.fullmatch(value) is not None
        )
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _within(value, node.get("minimum"), node.get("maximum"))
    if isinstance(value, list):
        return _within(len(value), node.get("minItems"), node.get("maxItems"))
    return True


def _within(value: float, least: Any, most: Any) -> bool:
    above = not isinstance(least, int | float) or value >= least
    return above and (not isinstance(most, int | float) or value <= most)


def _text(evidence: FieldEvidence) -> str | None:
    if evidence.answer:
        return evidence.answer
    if evidence.slots:
        return evidence.slots[0].slot.value
    likely = evidence.likely()
    return told(likely[0]) if likely else None


def told(statement: CandidateStatement) -> str:
    """Return a statement as a property value; messages are quoted."""
    return f'{statement.peer_id} said: "{statement.text}"' if statement.source == "turn" else statement.text


def _items(node: Json, evidence: FieldEvidence) -> list[Any] | None:
    items = node.get("items", {})
    if "enum" in items:
        chosen = [value for value in items["enum"] if isinstance(value, str) and _choice([value], evidence) == value]
        return chosen or None
    named = items.get("type", "string")
    if "string" not in ([named] if isinstance(named, str) else named):
        return None
    texts = [each.slot.value for each in evidence.slots] or [told(each) for each in evidence.likely()]
    most = node.get("maxItems")
    return list(dict.fromkeys(texts))[: most if isinstance(most, int) and 0 < most < MOST_ITEMS else MOST_ITEMS] or None


def _choice(choices: Sequence[Any], evidence: FieldEvidence) -> Any:
    """Return the choice that equals a slot's value, or that occurs alone in a statement that is relevant with it."""
    if all(isinstance(value, bool) or value is None for value in choices):
        truth = _truth(evidence)
        return truth if any(value is truth for value in choices) else None
    numbers = [value for value in choices if isinstance(value, int) and not isinstance(value, bool)]
    if numbers and (number := _number(evidence, whole=True)) in numbers:
        return number
    texts = {value: words(value) for value in choices if isinstance(value, str) and words(value)}
    for each in evidence.slots:
        for value, value_words in texts.items():
            if words(each.slot.value) == value_words:
                return value
    held = list(_held(dict(list(texts.items())[:MOST_CHOICES]), evidence))
    return max(held, key=lambda each: each[0])[1] if held else None


def _held(texts: dict[str, list[str]], evidence: FieldEvidence) -> Iterator[tuple[float, str]]:
    """Yield score and choice for each relevant statement that mentions exactly one choice and no negation."""
    about = evidence.asked.about
    for score, statement in zip(map(float, evidence.scores), evidence.candidates, strict=True):
        said = words(statement.text)
        named = [value for value, value_words in texts.items() if _stands_in(value_words, said)]
        if len(named) != 1 or _NEGATIONS & set(said) or (about and statement.peer_id not in about):
            continue
        # Mentioning a choice counts like a word of the question.
        is_light = not relevance.LIGHT_WORDS.isdisjoint(texts[named[0]])
        if score + relevance.WEIGHTS.words * (relevance.LIGHT if is_light else 1.0) > 0:
            yield score, named[0]


def _stands_in(few: Sequence[str], many: Sequence[str]) -> bool:
    return any(list(many[at : at + len(few)]) == list(few) for at in range(len(many) - len(few) + 1))


def _number(evidence: FieldEvidence, *, whole: bool) -> float | int | None:
    """Return the number in the relevant statements; None if they contain different ones."""
    numbers = [_read(each.slot.value) for each in evidence.slots[:1]]
    if not evidence.slots:
        terms = [bases(term) for term in evidence.asked.terms if term not in _COUNTING]
        subject = [term for term in terms if term.isdisjoint(relevance.LIGHT_WORDS)]
        likely = [each.text for each in evidence.likely() if _holds_all(each.text, subject)]
        numbers = list({number for text in likely for number in _counted(text, terms)})
    if len(numbers) != 1 or numbers[0] is None:
        return None
    number = numbers[0]
    return (int(number) if float(number).is_integer() else None) if whole else number


def _holds_all(text: str, terms: Sequence[frozenset[str]]) -> bool:
    forms = base_forms(text)
    return all(not forms.isdisjoint(term) for term in terms)


def _counted(text: str, counted: Sequence[frozenset[str]]) -> Iterator[float | int]:
    """Yield the numbers shortly before one of the words ("two children", "3 more coffees")."""
    tokens = _TOKEN.findall(folded(text))
    for at, token in enumerate(tokens):
        number = _read(token)
        after = [bases(each) for each in tokens[at + 1 : at + FAR] if _read(each) is None]
        if number is not None and any(not each.isdisjoint(term) for each in after for term in counted):
            yield number


def _read(token: str) -> float | int | None:
    """Parse a number in digits, or as a word up to twenty; None if the token is not a number."""
    if token.lower() in NUMBERS:
        return NUMBERS[token.lower()]
    if not _DIGITS.match(token):
        return None
    plain = token.replace(",", "")
    return float(plain) if "." in plain else int(plain)


def _truth(evidence: FieldEvidence) -> bool | None:
    """Return the truth value of the newest statement that starts with the peer and continues like the property name."""
    name = words(spelled(evidence.name))
    about = evidence.asked.about
    said = [each for each in evidence.candidates if each.source == "said" and (not about or each.peer_id in about)]
    said += [each.statement for each in evidence.slots if each.statement.source == "said"]
    if not about and len({each.peer_id for each in said}) > 1:
        return None
    newest = sorted(said, key=lambda each: (each.said_at, each.serial), reverse=True)
    return next((truth for each in newest if (truth := _outright(each, name)) is not None), None)


def _outright(statement: CandidateStatement, name: Sequence[str]) -> bool | None:
    start, text = f"{folded(statement.peer_id)} ", folded(statement.text)
    if not text.startswith(start) or '"' in text or "?" in text:
        return None
    said = words(text[len(start) :])
    negated = _NEGATIONS & set(said)
    if _PAST & set(said) or (GUARDS - _NEGATIONS - _AFTER - _ARTICLES) & set(said) or len(negated) > 1:
        return None
    lead, expected = _lead(name)
    verb = next((word for word in said if word not in _AUXILIARIES | _NEGATIONS or word in lead), "")
    if not expected or bases(verb).isdisjoint(lead):
        return None
    at = said.index(verb) + 1
    remaining = [word for word in said[at:] if word not in _ARTICLES and word not in _NEGATIONS]
    if len(remaining) < len(expected) or any(
        bases(word).isdisjoint(bases(term)) for word, term in zip(remaining, expected, strict=False)
    ):
        return None
    return not negated if len(remaining) == len(expected) or remaining[len(expected)] in _AFTER else None


def _lead(name: Sequence[str]) -> tuple[frozenset[str], list[str]]:
    """Return the verb forms that a statement must have for a property name, and the words that must follow."""
    first = name[0] if name else ""
    if first in _LEADS:
        lead = frozenset(_LEADS[first])
    elif len(name) > 1 and first not in _ARTICLES:
        return bases(first), [word for word in name[1:] if word not in _ARTICLES]
    else:
        return frozenset(_LEADS["is"]), [word for word in name if word not in _ARTICLES]
    return lead, [word for word in name[1:] if word not in _ARTICLES]
