"""Claims from the slots of a statement: home, employer, favourites, tastes and the like. Pure, English."""

from __future__ import annotations

import re
from collections.abc import Iterator

from omoide.reasoner.equivalence import words
from omoide.reasoner.extractive import claim_patterns as patterns
from omoide.reasoner.extractive import slot_kinds as kinds
from omoide.reasoner.extractive.claim import HOLDS, Claim
from omoide.reasoner.extractive.claim_objects import whole
from omoide.reasoner.extractive.claim_words import DWELLINGS, SLOT_STARTS
from omoide.reasoner.extractive.slots import Slot, ended_of, slots_of

_PEER = "self"
"""Stands for the peer's id in the statements that are passed to `slots`."""
_NUMBER = "|".join(word for word in patterns.NUMBERS if len(word) > 2)
_AGE = re.compile(rf"^(?P<be>is|turned) (?P<n>{_NUMBER})(?= years old|$)")
_KIN_AGE = re.compile(rf"^(?:has )?(?:just |now |only |finally )*(?:is|turned) (?:now )?(?P<n>\d\d?|{_NUMBER})$")
_NOW = re.compile(r" (?:at the moment|right now|these days|nowadays|currently|now)(?= |$)")
_MOVED = re.compile(r"^((?:has )?(?:just |recently |finally )?(?:moved|relocated)(?: back)?)(?: from [^,;.]+?)? to ")
_REASON = re.compile(r" (?:for|because of|with) (?:own )?\S+'s .*$")
_LONG_AT = re.compile(r"^(?:has been|is) at (?=[A-Z].* for \w+ (?:years|months)$)")
_HOUSING = re.compile(
    r"^(?:has )?(?:(?P<moved>moved|relocated)(?: back)? (?:into|to)|lives in|rents|is renting|shares|is living in|owns)"
    rf" (?:an?|own|the) [\w -]{{0,30}}?\b{DWELLINGS}(?: with [^,;.]+?)? in (?=[A-Z])"
)


def slot_claims(clause: str) -> Iterator[Claim]:
    """Claims of a predicate, or of a possession that starts with `own`."""
    first = clause.partition(" ")[0]
    if first not in SLOT_STARTS and "own " not in clause:
        return
    plain = clause if first == "own" else _simple(clause)
    for slot in slots_of(_about(_NOW.sub("", plain)), _PEER):
        yield from _held(slot, plain)
    for slot in ended_of(_about(clause), _PEER):
        if slot.kind.startswith(kinds.PET):
            yield Claim(("pet", *words(slot.value)), None, ends=True, is_event=True)
        else:
            yield Claim(("slot", *slot.place), words(slot.value), ends=True, slot=slot, is_event=True)


def kin_claims(predicate: str) -> Iterator[Claim]:
    """Claims of a predicate about a relative, of whom any number is an age."""
    return slot_claims(_KIN_AGE.sub(_with_years, predicate))


def instruction_claims(text: str, peer_id: str) -> Iterator[Claim]:
    """Claims of a quoted standing instruction: the language to answer in."""
    for slot in slots_of(text, peer_id):
        if slot.kind == kinds.LANGUAGE:
            yield Claim(("slot", *slot.place), words(slot.value), slot=slot)


def _held(slot: Slot, plain: str) -> Iterator[Claim]:
    if slot.kind != kinds.INSTRUCTION and (slot.single or slot.kind in kinds.TASTES):
        is_vague = slot.kind == kinds.WORK and not plain.startswith("works ")
        yield Claim(("slot", *slot.place), words(slot.value), slot=slot, needs_change=is_vague)
    if slot.kind.startswith(kinds.PET):
        yield Claim(("pet", *words(slot.value)), ())
    if slot.kind == kinds.ALLERGY:
        yield Claim(("is", *whole(f"allergic to {slot.value}")), HOLDS)


def _about(clause: str) -> str:
    """Return a clause as a statement about the peer."""
    own = patterns.NOT_ANOTHER.sub("", clause)
    if "own " in own:
        own = re.sub(r"\bown (?:new )?", f"{_PEER}'s ", own)
    return own if clause.startswith("own ") else f"{_PEER} {own}"


def _simple(predicate: str) -> str:
    """Say where somebody lives or works, or how old they are, as `slots` expects it."""
    if predicate.startswith("is "):
        if predicate.startswith("is based in "):
            return f"lives in {predicate[12:]}"
        predicate = _AGE.sub(lambda match: f"{match['be']} {patterns.NUMBERS[match['n']]}", predicate)
    if " at " in predicate:
        predicate = _LONG_AT.sub("works at ", predicate)
    if "moved " in predicate or "relocated " in predicate:
        predicate = patterns.TRAILING.sub("", _REASON.sub("", _MOVED.sub(r"\1 to ", predicate)))
    return _HOUSING.sub(lambda match: "moved to " if match["moved"] else "lives in ", predicate)


def _with_years(match: re.Match[str]) -> str:
    return f"is {patterns.NUMBERS.get(match['n'], match['n'])} years old"
