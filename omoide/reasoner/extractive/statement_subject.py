"""Give a statement of another memory its subject: "Lives in Graz" of ana is "ana lives in Graz". Pure.

Statements without a subject have no topics, so newer ones would not supersede them.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from omoide.reasoner.extractive import lexicon

_OWNERS = ("the user", "user", "the human", "human", "this user")
_AUXILIARIES = frozenset(
    {"is", "was", "has", "had", "does", "did", "can", "will", "isn't", "wasn't", "doesn't", "didn't"}
)
_ALSO_NOUNS = frozenset(
    {"likes", "loves", "hates", "lives", "works", "plays", "wants", "needs", "plans", "uses", "studies"}
    | {"drinks", "runs", "walks", "dances", "cooks", "visits", "dreams", "travels", "moves", "drives", "hopes"}
    | {"fears", "dates", "trains", "rides", "sleeps", "talks", "calls", "supports", "dislikes", "looks"}
)
"""Third persons that are plurals of nouns too, which here they are not."""
_first_word = re.compile(r"[A-Za-z']+")


def with_subject(text: str, names: Collection[str], peer_id: str) -> str:
    """The statement about the peer, who may be called by one of these names; as it is if it is in doubt."""
    lower = text.lower()
    for name in sorted({*names, *_OWNERS, peer_id}, key=len, reverse=True):
        after = text[len(name) :]
        if lower.startswith(name.lower()) and re.match(r"['’]s\b|\s", after):
            return peer_id + after
    word = _first_word.match(text)
    return f"{peer_id} {text[0].lower()}{text[1:]}" if word is not None and _is_predicate(word[0].lower()) else text


def _is_predicate(word: str) -> bool:
    """Whether a lower-case first word is a verb of the third person, or a past one."""
    if word in _AUXILIARIES or word in _ALSO_NOUNS:
        return True
    if not lexicon.is_only_verb(word) or (lemma := lexicon.verb_lemma(word)) is None or lemma == word:
        return False
    return lexicon.third_form(lemma) == word or lexicon.may_be_past(word)
