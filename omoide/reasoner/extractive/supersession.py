"""Decide whether a newer statement supersedes an older one of the same peer. Pure, English, conservative.

The older statement is superseded if every one of its clauses is about a topic to which the newer one gives another
value, or which it ends. If anything is unsure, both stay.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from omoide.core.records import Effect
from omoide.reasoner.extractive.claim import DENIED, DONE, DROPPED, HOLDS, NEVER, PLANNED, Claim, Topic
from omoide.reasoner.extractive.claim_patterns import NOT_ANOTHER
from omoide.reasoner.extractive.claims import claims_of
from omoide.reasoner.extractive.slot_kinds import AGE, RELATION, TASTES, UNCHANGING
from omoide.reasoner.extractive.slots import agree, comparable, tells_change

_DEEDS = (HOLDS, DENIED, PLANNED, DONE, DROPPED, NEVER)
_CHANGE = re.compile(
    r"\b(?:lately|these days|nowadays|up to|down to|so far|already|just|finally|started|back to|again|has moved"
    r"|no longer)\b"
)
_PAST = (DONE, DROPPED)
"""Values of what happened, which stays true."""


def topics_of(text: str, peer_id: str) -> frozenset[str]:
    """Return the keys of a statement's topics. Statements without a common key do not supersede each other."""
    return frozenset(" ".join(claim.topic) for clause in claims_of(text, peer_id) for claim in clause)


def effect(new: str, old: str, peer_id: str) -> Effect | None:
    """What a statement says about an older one: that it no longer holds, or never did; None if it says neither."""
    clauses = claims_of(old, peer_id)
    if not clauses or not all(clauses):
        return None
    news = [claim for clause in claims_of(new, peer_id) for claim in clause]
    is_change = tells_change(new) or _CHANGE.search(new) is not None or _denies(new, old)
    if not news or not all(_is_over(clause, news, is_change) for clause in clauses):
        return None
    return "invalid" if _denies(new, old) else "superseded"


def _is_over(clause: Sequence[Claim], news: Sequence[Claim], is_change: bool) -> bool:
    """Whether something replaces the clause, and no pet or relative that it names besides is lost: another home is no
    reason to forget the cat of "lives in Rome with the cat Pixel"."""
    replaced = [held for held in clause if any(_replaces(claim, held, is_change) for claim in news)]
    return bool(replaced) and not any(_is_kin(held) for held in clause if held not in replaced)


def _is_kin(claim: Claim) -> bool:
    return claim.topic[0] == "pet" or (claim.slot is not None and claim.slot.kind.startswith(RELATION))


def _denies(new: str, old: str) -> bool:
    """Whether the newer statement names the older value as wrong: "lives in Porto, not Madrid"."""
    match = NOT_ANOTHER.search(new)
    wrong = re.sub(r"^,? (?:and )?not (?:in |at |to )?", "", match[0]) if match else ""
    return bool(wrong) and re.search(rf"(?<!\w){re.escape(wrong)}(?!\w)", old) is not None


def _replaces(new: Claim, old: Claim, is_change: bool) -> bool:
    if new.topic != old.topic or old.ends or old.value in _PAST or (new.is_passing and not new.is_event):
        return False
    if old.is_event and old.value == HOLDS:
        return False
    if new.ends:
        return (
            new.value is None
            or old.value is None
            or (_is_same(new, old) and (not old.detail or _starts(old.detail, new.detail)))
        )
    if new.slot is not None and old.slot is not None and new.slot.kind in TASTES:
        return new.slot.kind != old.slot.kind
    if new.value == old.value or (new.needs_change and not is_change):
        return False
    if new.value in _DEEDS:
        return _is_about_same(new, old, is_change)
    if new.slot is None or old.slot is None:
        return new.topic[0] != "attribute" or old.needs_change or _is_number(new) == _is_number(old)
    if new.slot.kind == AGE and not _is_older(new.slot.value, old.slot.value):
        return False
    # Of two birthplaces one is wrong; it is not known which.
    can_differ = new.slot.kind not in UNCHANGING or is_change
    return can_differ and comparable(new.slot, old.slot) and not agree(new.slot, old.slot)


def _is_older(new: str, old: str) -> bool:
    return not (new.isdigit() and old.isdigit()) or int(new) > int(old)


def _is_number(claim: Claim) -> bool:
    first = (claim.value or ("",))[0]
    return re.match(r"[$€£]?\d|about|around", first) is not None


def _is_about_same(new: Claim, old: Claim, is_change: bool) -> bool:
    """Whether a denial is as wide as what it denies, and what is done at least as narrow as the plan.

    What is habit must be told to change if one is narrower: "doesn't go to church" and "goes to church at Christmas".
    """
    if new.topic[0] in ("does", "uses") and new.detail != old.detail and not (is_change or new.is_event):
        return False
    if new.value in (DENIED, DROPPED):
        return _starts(old.detail, new.detail) and (new.value == DENIED or old.value == PLANNED)
    return _starts(new.detail, old.detail)


def _starts(longer: Topic, shorter: Topic) -> bool:
    return longer[: len(shorter)] == shorter


def _is_same(new: Claim, old: Claim) -> bool:
    if new.slot is not None and old.slot is not None:
        return agree(new.slot, old.slot)
    return new.value == old.value
