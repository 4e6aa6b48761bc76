"""Find the claims of a statement. Pure, English.

A topic is something that a person has one of at a time (a home, an employer, a best time), or a fact that holds or does
not (plays the guitar, plans to adopt a dog). A claim gives its value or ends it. Only statements about the peer itself,
its relatives and animals make claims; doubtful and vague ones make none: a wrong supersession is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from omoide.core.text_cache import text_cache
from omoide.reasoner.extractive.claim import DENIED, HOLDS, Claim
from omoide.reasoner.extractive.claim_readers import read
from omoide.reasoner.extractive.claim_slots import instruction_claims, kin_claims, slot_claims
from omoide.reasoner.extractive.claim_text import Clause, clauses_of
from omoide.reasoner.extractive.claim_words import CONDITIONS, LIMITS, LONG_AGO, ONE_KIN
from omoide.reasoner.extractive.slots import is_doubtful

CACHED_STATEMENTS = 8_192
_DATE = re.compile(r" \((?:[^()]*\d{4}[^()]*)\)")
_LANGUAGE = re.compile(r"\b(?:answer|reply|respond|write|speak|talk)\b", re.IGNORECASE)


@text_cache(maxsize=CACHED_STATEMENTS)
def claims_of(text: str, peer_id: str) -> tuple[tuple[Claim, ...], ...]:
    """Return the claims of each clause of a statement about the peer; a clause without claims gives an empty tuple.

    Clauses that only comment on the one before are left out.
    """
    plain = _DATE.sub("", text) if "(" in text else text
    if is_doubtful(re.sub("(?i)guess what", "", plain) if "uess what" in plain else plain, peer_id):
        return ()
    clauses = clauses_of(plain, peer_id)
    if not clauses:
        return (tuple(instruction_claims(plain, peer_id)),) if _LANGUAGE.search(plain) else ()
    return tuple(tuple(_claims(each)) for each in clauses if not each.is_comment)


def _claims(clause: Clause) -> Iterator[Claim]:
    is_limited = LIMITS.search(clause.text) is not None
    if is_limited and CONDITIONS.search(clause.text):
        return
    is_old = is_limited and LONG_AGO.search(clause.text) is not None
    is_passing = is_limited
    for claim in [*slot_claims(clause.text), *read(clause.text)]:
        if not (is_old and claim.is_event):
            yield replace(claim, is_passing=True) if is_passing and not claim.is_event else claim
    if clause.predicate:
        if clause.kin[-1] in ONE_KIN:
            yield Claim(("kin", clause.kin[-1]), HOLDS)
        for claim in [*kin_claims(clause.predicate), *read(clause.predicate)]:
            if is_old and claim.is_event:
                continue
            if claim.topic[0] == "attribute" and claim.is_event:
                yield claim
            yield replace(
                claim,
                topic=("of", *clause.kin, *claim.topic),
                is_passing=is_passing and not claim.is_event,
                needs_change=claim.needs_change or _may_be_another(clause, claim),
            )


def _may_be_another(clause: Clause, claim: Claim) -> bool:
    """Whether another relative of the same kind may be meant, unless a change is told."""
    return clause.kin[-1] not in ONE_KIN and not claim.is_event and claim.value != DENIED
