"""The slots of a statement for a card: those of `slots`, and those of the shapes in `data/cards/`. Pure.

Slots that decide about supersession, answers and dreams are read strictly by `slots`. A card tells more: whatever is
said plainly about the peer.
"""

from __future__ import annotations

import re

from omoide.reasoner.equivalence import words
from omoide.reasoner.extractive.shapes.catalog import Filled
from omoide.reasoner.extractive.shapes.read import shape_slots
from omoide.reasoner.extractive.slot_kinds import INSTRUCTION, INSTRUCTIONS, LANGUAGE, PREFERS, RELATION, TASTES
from omoide.reasoner.extractive.slots import Slot, ended_of, slots_of
from omoide.reasoner.extractive.standing_instructions import names_language
from omoide.reasoner.extractive.word_lists import word_lists

_LISTS = word_lists("card_text")
_CHILDREN, _PARTNERS = _LISTS.words("children"), _LISTS.words("partners")
_VAGUE_RELATIONS = _LISTS.words("vague_relations")
_ITEMS = re.compile(r",? and |,? or |, ")
_TASTES = TASTES | {PREFERS}


def card_slots_of(statement: str, peer_id: str) -> list[Slot]:
    """Return the distinct slots that a statement about the peer fills, in order."""
    known = [(slot.kind, slot.value) for slot in slots_of(statement, peer_id)]
    more = [(_exact_kind(kind, value), value) for kind, value in shape_slots(statement, peer_id).filled]
    return [Slot(peer_id, kind, value) for kind, value in dict.fromkeys(_with_further(known, more))]


def card_ended_of(statement: str, peer_id: str) -> list[Slot]:
    """Return the slots that a statement about the peer ends."""
    ended = shape_slots(statement, peer_id).ended
    return [*dict.fromkeys([*ended_of(statement, peer_id), *(Slot(peer_id, kind, value) for kind, value in ended)])]


def card_place(slot: Slot) -> tuple[str, ...]:
    """Key of a line: as `Slot.place`, but one for all words for a child, and one for all words for a partner."""
    relation = slot.kind.removeprefix(RELATION)
    if slot.kind.startswith(RELATION) and relation in _CHILDREN:
        return (f"{RELATION}child", *words(slot.value))
    return (f"{RELATION}partner",) if slot.kind.startswith(RELATION) and relation in _PARTNERS else slot.place


def is_vaguer(new: Slot, old: Slot) -> bool:
    """Whether a line of the same place says less exactly who somebody is: "kid" after "daughter"."""
    vague = new.kind.removeprefix(RELATION) in _VAGUE_RELATIONS
    return vague and new.kind != old.kind and words(new.value) == words(old.value)


def without_item(slot: Slot, item: str) -> Slot | None:
    """A taste for several things without one of them ("tea" of "tea and cake"); None if it is not among them."""
    items = _ITEMS.split(slot.value) if slot.kind in TASTES else []
    kept = [each for each in items if words(each) != words(item)]
    if len(items) < 2 or len(kept) == len(items):
        return None
    return Slot(slot.subject, slot.kind, " and ".join(filter(None, [", ".join(kept[:-1]), kept[-1]])))


def _exact_kind(kind: str, value: str) -> str:
    return LANGUAGE if kind == INSTRUCTION and names_language(value) else kind


def _with_further(known: Filled, more: Filled) -> Filled:
    """Add slots of shapes. Of a kind that both read only the breed of a pet is added; another value is a mistake."""
    kinds = {kind for kind, _ in known}
    if kinds & INSTRUCTIONS:
        kinds |= INSTRUCTIONS
    exact = {value: kind for kind, value in more if kind in INSTRUCTIONS}
    if exact:
        known = [(exact.get(value, kind), value) for kind, value in known if kind not in _TASTES]
    detailed = {(kind, value.partition(" (")[0]): value for kind, value in more}
    return [
        *((kind, detailed.get((kind, value), value)) for kind, value in known),
        *((kind, value) for kind, value in more if kind not in kinds),
    ]
