"""Fields of shapes: which text a value may be, and how it is written on the card. Pure.

Each reader returns the values of a text, or an empty sequence if the text is no such value. A list of a data file is a
field as well: it matches its phrases.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from omoide.reasoner.extractive.lexicon import is_english, verb, verb_lemma
from omoide.reasoner.extractive.shapes.text import as_their
from omoide.reasoner.extractive.slot_values import Cut, day, is_no_place, proper
from omoide.reasoner.extractive.slot_words import NOT_NAMES, WIDE_AREAS
from omoide.reasoner.extractive.word_lists import word_lists

Reader = Callable[[str], Sequence[str]]

_LISTS = word_lists("card_text")
MOST_WORDS, MOST_ITEM_WORDS, MOST_ITEMS = 8, 6, 8

_VAGUE = re.compile(rf"\b{_LISTS.any_of('vague')}\b", re.IGNORECASE)
_VAGUE_STARTS = _LISTS.words("vague_starts")
_VAGUE_ENDS = _LISTS.words("vague_ends")
_AND_VERBS = _LISTS.words("and_verbs")
_NOT_ROUTINES = _LISTS.words("not_routines")
_NOT_OWN_NAMES = _LISTS.words("not_own_names")
_CITIES = _LISTS.phrases("cities")
_KNOWN_THE = re.compile(rf"the (?:[A-Z]|{_LISTS.any_of('known_the')}\b)")
_ORGANISATION = re.compile(rf"an? |the (?:[A-Z]|{_LISTS.any_of('organisations')}\b)")
_DIRECTIONS = re.compile(
    r"(?:(?:north|south|east|west|central|downtown|upstate|rural|northern|southern|eastern|western)\s+)+"
)
_SEPARATOR = re.compile(r",? (?:and|or|as well as|plus|&|y|e|und|et) |, ")
_MARKS = re.compile(r":(?!\d)|[;?!\"“”…\n]|\.\s")


_CAPITALS = dict.fromkeys(("name", "names"), r"[^\W\d_a-zß-öø-ÿ].*?")


def regexes() -> Mapping[str, str | None]:
    """Regular expressions of the fields by name; None for one whose text a reader checks."""
    forms = word_lists("card_values")
    often = "|".join(_LISTS.lines("often"))
    known = {name: f"(?i:{forms.text(name)})" for name in forms.names()}
    return {**dict.fromkeys([*READERS, "rest"]), **_CAPITALS, **known, "often": f"(?i:{often})"}


def name(text: str) -> Sequence[str]:
    """A proper name with capitals."""
    cut = proper(text)
    return [cut[0]] if cut and not cut[1].strip() and not _is_no_name(cut[0]) else []


def own_name(text: str) -> Sequence[str]:
    """A name that "I am" or "call me" introduces: words that are no English ones; one may be in lower case."""
    known = text.lower().split()
    if re.search(r"(?:ish|ese|ist|ic|ly|ing|ed)$", text.lower()):
        return []
    if len(known) > 3 or any(is_english(word) or word in _NOT_OWN_NAMES for word in known):
        return []
    return name(text) or _small_name(text)


def names(text: str) -> Sequence[str]:
    """Several names: "Tom, Dick and Harry". After "named" they may be in lower case."""
    parts = _SEPARATOR.split(text)
    found = [value for part in parts for value in name(part)]
    return found if len(found) == len(parts) <= MOST_ITEMS else []


def nickname(text: str) -> Sequence[str]:
    """A name after "called", with capitals or a single word in lower case."""
    found = [value for part in _SEPARATOR.split(text) for value in (name(part) or _small_name(part))]
    return found if len(found) == len(_SEPARATOR.split(text)) <= MOST_ITEMS else []


def _small_name(text: str) -> Sequence[str]:
    is_word = re.fullmatch(r"[^\W\d_]{2,20}", text) is not None
    is_other = text in _VAGUE_STARTS or text in _NOT_OWN_NAMES or _VAGUE.search(text) is not None
    return [text.capitalize()] if is_word and not is_other else []


def place(text: str) -> Sequence[str]:
    """A town, an area or a country; in lower case if it is well known."""
    plain = re.sub(r"^(?:the )?(?:city|town|state|province) of (?=[A-Z])", "", text)
    parts = plain.split(", ")
    if plain.lower().removeprefix("the ") in WIDE_AREAS | _CITIES:
        return [plain if not plain.islower() else plain.title()]
    part = _DIRECTIONS.match(parts[0])
    start = part.end() if part else 0
    cuts = [proper(parts[0][start:]), *map(proper, parts[1:])]
    if len(parts) > 3 or not all(cut and not cut[1].strip() for cut in cuts):
        return []
    known = [cut[0] for cut in cuts if cut]
    return [] if is_no_place(", ".join(known)) or _is_no_name(known[0]) else [plain]


def company(text: str) -> Sequence[str]:
    """An employer or school: a name, or a kind of organisation ("a small bank")."""
    cut = proper(text)
    if cut and not cut[1].strip():
        return [] if _is_no_name(cut[0]) else [cut[0]]
    is_kind = re.fullmatch(r"an? [a-z-]{3,}", text) is not None and not _VAGUE.search(text)
    return [text] if is_kind else phrase(text) if _ORGANISATION.match(text) else []


def phrase(text: str, most: int = MOST_WORDS) -> Sequence[str]:
    """A noun phrase that means something alone: no pronouns, nothing vague."""
    value = text.strip()
    parts = value.split()
    if not parts or len(parts) > most or _MARKS.search(value) or _VAGUE.search(value):
        return []
    if parts[0].lower() in _VAGUE_STARTS or parts[-1].lower() in _VAGUE_ENDS or not any(map(str.isalnum, value)):
        return []
    if re.fullmatch(r"an? \w+", value):
        return []
    if value.lower().startswith("the ") and not _KNOWN_THE.match(value):
        return []
    return [value]


MOST_CLAUSE_WORDS = 16
_POINTING = re.compile(rf"\b(?:{'|'.join(_LISTS.words('pointing'))})\b|\S \bI\b", re.I)


def is_plain(clause: str) -> bool:
    """Whether a clause in the first person means the same without what was said before it."""
    return len(clause.split()) <= MOST_CLAUSE_WORDS and not _POINTING.search(clause) and not _MARKS.search(clause)


def thing(text: str) -> Sequence[str]:
    """One thing, or several joined by `and`."""
    return things(text)


def things(text: str) -> Sequence[str]:
    """A list of things as one value: "tea, cake and long walks"."""
    parts = _SEPARATOR.split(text)
    if len(parts) > MOST_ITEMS or (len(parts) > 1 and any(map(_is_verbal, parts[1:]))):
        return []
    most = MOST_WORDS if len(parts) == 1 else MOST_ITEM_WORDS
    return [text.strip()] if all(phrase(part, most) for part in parts) else []


def activity(text: str) -> Sequence[str]:
    """Something that is done: as a thing, but it may be with "my" ("walk my dog")."""
    first = text.split(" ", 1)[0]
    if verb_lemma(first) is None:
        return []
    own = re.sub(r"\b(?:my|the)\b ", "", text)
    plain = re.sub(r"\bmyself\b", "", own).strip()
    return [as_their(text.strip())] if phrase(plain, MOST_WORDS) else []


def subject(text: str) -> Sequence[str]:
    """A field of work or study: up to five words without an article of something certain."""
    return phrase(text, 5) if not re.match(r"(?:a|an|the|my|to)\b", text) or text.startswith("the ") else []


def words(text: str) -> Sequence[str]:
    """Up to four words."""
    return phrase(text, 4)


def role(text: str) -> Sequence[str]:
    """What somebody works as, in up to five words."""
    return phrase(text, 5) if not re.match(r"(?:a|an|the|my|to)\b", text) else []


def favourite(text: str) -> Sequence[str]:
    """What is the best of its kind: a thing or a name ("The Office", "To Kill a Mockingbird")."""
    cut = proper(text)
    is_title = text[:1].isupper() and len(text.split()) <= MOST_WORDS and not _MARKS.search(text)
    if is_title or (cut and not cut[1].strip()):
        return [text]
    return things(text)


def routine_activity(text: str) -> Sequence[str]:
    """What is done regularly; it begins with a verb in the present."""
    first, *more = text.split(" ")
    known = verb(first)
    after = verb(more[0]) if more else None
    if first == "have" and after is not None and after.tense == "past" and more[0] not in ("left", "set"):
        return []
    is_present = first in ("have", "do") or (known is not None and known.tense in ("present", "either"))
    return activity(text) if is_present and first not in _NOT_ROUTINES else []


def birthday(text: str) -> Sequence[str]:
    """A day of a year."""
    cut: Cut | None = day(text.replace(" ,", ","))
    return [cut[0]] if cut else []


def verbatim(text: str) -> Sequence[str]:
    """The text as it is."""
    return [as_their(text)]


READERS: Mapping[str, Reader] = {
    each.__name__: each
    for each in (
        name, own_name, names, nickname, place, thing, things, activity, subject, company, words, birthday, role,
        favourite, routine_activity,
    )
}  # fmt: skip


def read(field: str, text: str) -> Sequence[str]:
    """Return the values of a field's text, none if it is not such a value."""
    return READERS.get(field, verbatim)(text)


def _is_no_name(value: str) -> bool:
    return any(word.lower() in NOT_NAMES or word == "I" for word in value.split())


def _is_verbal(part: str) -> bool:
    """Whether the words after `and` are rather another statement: "plays chess"."""
    first, _, more = part.partition(" ")
    if not more or not first.islower():
        return False
    lemma = verb_lemma(first)
    if lemma is None or first.endswith("ing"):
        return False
    known = verb(lemma)
    return first in _AND_VERBS or (known is not None and first == known.third and first != lemma)
