"""Extract slots (home, name, age, likes, instructions …) from a statement, with patterns. Pure.

Statements are conclusions as `derive` writes them: in the third person and present tense, starting with the peer's id,
or quoting the peer (`alice said: "…"`). Only certain statements fill a slot: not past, possible, planned or negated
ones. `slot_values` parses the values.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from omoide.reasoner.equivalence import words
from omoide.reasoner.extractive.shapes.catalog import single_kinds
from omoide.reasoner.extractive.shapes.text import quoted
from omoide.reasoner.extractive.slot_kinds import (
    AGE,
    ALLERGY,
    BIRTHDAY,
    BIRTHPLACE,
    BORN,
    CALL_ME,
    DIET,
    DISLIKES,
    EMPLOYER,
    FAVOURITE,
    HOME,
    INSTRUCTIONS,
    LANGUAGE,
    LENGTH,
    LIKES,
    NAME,
    ORIGIN,
    PET,
    PREFERS,
    PRONOUNS,
    RELATION,
    SINGLE,
    TASTES,
    WORK,
)
from omoide.reasoner.extractive.slot_patterns import Filled, is_no_name, kin_kind, of_possession, of_predicate
from omoide.reasoner.extractive.slot_values import name, proper
from omoide.reasoner.extractive.slot_words import OCCUPATIONS, ONE_RELATION, WIDE_AREAS
from omoide.reasoner.extractive.standing_instructions import standing_instructions


@dataclass(frozen=True, slots=True)
class Slot:
    """An attribute of a peer: kind and value."""

    subject: str
    kind: str
    value: str

    @property
    def single(self) -> bool:
        """Whether a newer value replaces an older one. Otherwise all values are kept."""
        relation = self.kind.removeprefix(RELATION)
        if self.kind in SINGLE or self.kind.startswith(FAVOURITE) or relation in ONE_RELATION:
            return True
        return self.kind not in _PHRASES and self.kind.partition(":")[0] in single_kinds()

    @property
    def place(self) -> tuple[str, ...]:
        """Key of the slot: only one slot per key holds at a time. Likes and dislikes of a thing share one."""
        if self.single:
            return (self.kind,)
        named = self.value.partition(" (")[0] if self.kind.startswith(PET) else self.value
        return ("taste" if self.kind in TASTES else self.kind, *words(named))


def slots_of(text: str, peer_id: str) -> list[Slot]:
    """Return the distinct slots of the peer that the statement certainly fills, in order."""
    quote = quoted(text, peer_id)
    filled = standing_instructions(quote) if quote is not None else _stated(text, peer_id)
    return [Slot(peer_id, kind, value) for kind, value in dict.fromkeys(filled)]


def ended_of(text: str, peer_id: str) -> list[Slot]:
    """Return the slots that the statement ends: "no longer lives in", "left", "died"."""
    predicate = re.sub("^is no longer ", "no longer is ", _predicate(text, peer_id) or "")
    filled: Filled = []
    if _DOUBT.search(predicate):
        return []
    if negated := _NO_LONGER.match(predicate):
        present = f"{negated['verb']}s" if negated["verb"] else ""
        filled = of_predicate(_ANYMORE.sub("", f"{present}{predicate[negated.end() :]}"))
    elif left := _LEFT.match(predicate):
        cut = name(_ANYMORE.sub("", predicate[left.end() :]))
        filled = [(HOME, cut[0]), (EMPLOYER, cut[0])] if cut else []
    elif _GONE.search(text) and not predicate and not _DOUBT.search(text):
        filled = [(kind, value) for kind, value in _kin(text, peer_id) if kind.startswith(PET)]
    return [Slot(peer_id, kind, value) for kind, value in dict.fromkeys(filled)]


def phrase(slot: Slot) -> str:
    """Return the predicate or possession of a slot: "lives in Lisbon", "name is Alice"."""
    if slot.kind == WORK:
        is_known = slot.value.split(" of ")[0].split()[-1].lower() in OCCUPATIONS
        return f"{'is' if is_known else 'works as'} {_article(slot.value)} {slot.value}"
    if slot.kind.startswith((PET, RELATION)):
        return f"{slot.kind.partition(':')[2]} is {slot.value}"
    if slot.kind.startswith(FAVOURITE):
        return f"favourite {slot.kind.removeprefix(FAVOURITE)} is {slot.value}"
    if slot.kind in INSTRUCTIONS:
        return f'said: "{slot.value}"'
    return _PHRASES.get(slot.kind, "{}").format(slot.value)


def sentence(slot: Slot) -> str:
    """Return a statement from which `slots_of` extracts the slot again."""
    is_possessive = slot.kind in (NAME, BIRTHDAY, PRONOUNS) or slot.kind.startswith((PET, RELATION, FAVOURITE))
    return f"{slot.subject}{chr(39) + 's' if is_possessive else ''} {phrase(slot)}"


def agree(a: Slot, b: Slot) -> bool:
    """Whether two values of one slot are equal, or one is a more detailed form of the other."""
    if a.kind != b.kind:
        return False
    shorter, longer = sorted((words(a.value), words(b.value)), key=len)
    from_front = longer[: len(shorter)] == shorter
    from_back = longer[len(longer) - len(shorter) :] == shorter
    return (
        (from_front and a.kind not in (AGE, WORK, LANGUAGE, LENGTH))
        or (from_back and a.kind in (WORK, NAME))
        or (shorter == longer)
    )


def comparable(a: Slot, b: Slot) -> bool:
    """Whether two values of one slot can contradict each other: a town and a country cannot."""
    return a.kind not in (HOME, ORIGIN, BIRTHPLACE) or _is_wide(a.value) == _is_wide(b.value)


def is_doubtful(text: str, peer_id: str) -> bool:
    """Whether the statement is hypothetical or uncertain ("if", "maybe", "would"). The peer's id is ignored."""
    return _DOUBT.search(re.sub(rf"(?<!\w){re.escape(peer_id)}(?!\w)", "", text)) is not None


def tells_change(text: str) -> bool:
    """Whether the statement itself expresses a change."""
    return _CHANGE.search(text) is not None


_PHRASES = {
    HOME: "lives in {}", ORIGIN: "is from {}", BIRTHPLACE: "was born in {}", BORN: "was born in {}",
    EMPLOYER: "works at {}", AGE: "is {} years old", DIET: "is {}", ALLERGY: "is allergic to {}",
    LIKES: "likes {}", DISLIKES: "does not like {}", PREFERS: "prefers {}", CALL_ME: "goes by {}",
    NAME: "name is {}", BIRTHDAY: "birthday is {}", PRONOUNS: "pronouns are {}",
}  # fmt: skip

_CHANGE = re.compile(r"\b(?:moved|relocated|now|turned|changed|new|no longer|anymore|any more|switched|became)\b")
# Words that make a whole statement uncertain, in any position. Capitalised `May` is a month.
_DOUBT = re.compile(
    r"\b(?:[Ii]f|unless|would|could|might|may|[Mm]aybe|[Pp]erhaps|[Pp]robably|possibly|supposedly|apparently|pretend\w*"
    r"|imagin\w*|dream\w*|jok(?:e|es|ed|ing)|kidding|hypothetical\w*|allegedly|guess(?:es)?|thinks?"
    r"|according)\b|\?"
)
# Words in a statement about "alice's dog Rex" that make its present existence uncertain.
_NO_KIN = re.compile(
    r"\b(?:not|never|no|used to|was|were|late|ex|former|lost|missing|dead|died|death|passed away|ran away|put down"
    r"|buried|gone|divorced?|broke up|widow\w*|wants?|wish\w*|call|calls|rename\w*|naming|or)\b"
)
_GONE = re.compile(r"\b(?:died|passed away|ran away|is dead|was put down)\b")
# Except after abbreviations such as "St." and "D.C.".
_SENTENCE_END = re.compile(r"(?<=[.;!])(?<!\b(?:St|Mt|Ft|Dr|Mr|Ms)\.)(?<!\bMrs\.)(?<!\b[A-Z]\.)\s+")
_NO_LONGER = re.compile(r"no longer (?=(?:lives|works|is|likes|goes) )|does(?: not|n['’]t) (?P<verb>live|work)\b")
_ANYMORE = re.compile(r",? (?:anymore|any more|any longer|now)(?=[.!;, (]|$)")
_LEFT = re.compile(r"(?:just |recently |has )?(?:left|quit|resigned from|stopped working (?:at|for)) ")

_STARTS = (
    r"(?:lives?|living|works|is|has|likes|loves|enjoys|adores|prefers|dislikes|hates|detests|moved|relocated|does"
    r"|doesn['’]t|goes|comes|cannot|was)"
)
_ELIDED = re.compile(rf",? (?:and|but) (?={_STARTS}\b|(?:also|now|currently|still|really) {_STARTS}\b)")
_KNOWN_START = re.compile(rf"(?:(?:also|now|currently|still|really|just|recently) )*{_STARTS}\b")
# Words after which a verb following `and` may have another subject.
_OTHERS = re.compile(
    r"\b(?:who|whom|whose|which|that|where|how|why|what|when|while|because|than|says?|told|so)\b"
    r"|\bsince (?!(?:\w+ )?\d{4})"
)
_ADVERBS = re.compile(r"(?:(?:also|now|currently|still|really|actually|absolutely|just|recently|truly) )*")


def _stated(text: str, peer_id: str) -> Filled:
    filled: Filled = []
    for each in _SENTENCE_END.split(re.sub(r'["“][^"“”]*["”]', "…", text)):
        if is_doubtful(each, peer_id):
            continue
        for clause in re.split(rf"(?:,|,? (?:and|but)(?: now)?) (?={re.escape(peer_id)}(?:['’]s)? )", each):
            filled += _clause(clause, peer_id)
    return filled


def _clause(clause: str, peer_id: str) -> Filled:
    predicate = _predicate(clause, peer_id)
    filled: Filled = []
    if predicate is not None:
        for part in _parts(predicate):
            filled += of_predicate(part[_length(_ADVERBS, part) :]) or _own_name(part, peer_id)
    elif possessed := _possessed(clause, peer_id):
        filled += of_possession(possessed)
    return filled + ([] if _NO_KIN.search(clause) else _kin(clause, peer_id))


def _predicate(text: str, peer_id: str) -> str | None:
    """Return the text after the peer's id as a subject. The id is compared ignoring case."""
    start = text[: len(peer_id) + 1]
    return text[len(start) :] if start.casefold() == f"{peer_id} ".casefold() else None


def _possessed(text: str, peer_id: str) -> str | None:
    match = re.match(rf"{re.escape(peer_id)}(?:['’]s|(?<=s)['’]) ", text, re.IGNORECASE)
    return text[match.end() :] if match else None


def _parts(predicate: str) -> list[str]:
    """Split coordinated verbs ("lives in Lisbon and works at Siemens"), up to a part that may have another subject."""
    parts = _ELIDED.split(predicate)
    for number, part in enumerate(parts):
        if _OTHERS.search(part) or not _KNOWN_START.match(part):
            return parts[: number + 1]
    return parts


def _own_name(part: str, peer_id: str) -> Filled:
    """Parse "is Alice Moreira" as the name of the peer `alice`."""
    cut = name(part.removeprefix("is ")) if part.startswith("is ") else None
    return [(NAME, cut[0])] if cut and cut[0].split()[0].casefold() == peer_id.casefold() else []


def _length(pattern: re.Pattern[str], text: str) -> int:
    match = pattern.match(text)
    return match.end() if match else 0


def _kin(text: str, peer_id: str) -> Filled:
    """Find "alice's dog Rex" anywhere in a statement."""
    filled: Filled = []
    for match in re.finditer(rf"(?<!\w){re.escape(peer_id)}['’]s ([^\W\d_]+) (?=\S)", text):
        cut = proper(re.sub(r"['’]s\b.*", ",", text[match.end() :]))
        kind = kin_kind(match[1])
        if cut and kind and not is_no_name(cut[0]):
            filled.append((kind, cut[0]))
    return filled


def _is_wide(value: str) -> bool:
    return value.lower().removeprefix("the ") in WIDE_AREAS


def _article(noun: str) -> str:
    return "an" if re.match(r"[aeio]|u(?!n?i|[st]e)|hon|hour", noun.lower()) else "a"
