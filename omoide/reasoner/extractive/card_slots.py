"""The slots of a statement for a card: those of `slots`, and those of the shapes in `data/cards/`. Pure.

Slots that decide about supersession, answers and dreams are read strictly by `slots`. A card tells more: whatever is
said plainly about the peer.
"""

from __future__ import annotations

from omoide.reasoner.extractive.shapes.catalog import Filled
from omoide.reasoner.extractive.shapes.read import shape_slots
from omoide.reasoner.extractive.slot_kinds import INSTRUCTION, INSTRUCTIONS, LANGUAGE, PREFERS, TASTES
from omoide.reasoner.extractive.slots import Slot, ended_of, slots_of
from omoide.reasoner.extractive.standing_instructions import names_language

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


def _exact_kind(kind: str, value: str) -> str:
    return LANGUAGE if kind == INSTRUCTION and names_language(value) else kind


def _with_further(known: Filled, more: Filled) -> Filled:
    """Add slots of shapes. Of a kind that both read only the breed of a pet is added; another value is a mistake."""
    kinds = {kind for kind, _ in known}
    if kinds & INSTRUCTIONS:
        kinds |= INSTRUCTIONS
    if any(kind in INSTRUCTIONS for kind, _ in more):
        known = [(kind, value) for kind, value in known if kind not in _TASTES]
    detailed = {(kind, value.partition(" (")[0]): value for kind, value in more}
    return [
        *((kind, detailed.get((kind, value), value)) for kind, value in known),
        *((kind, value) for kind, value in more if kind not in kinds),
    ]
