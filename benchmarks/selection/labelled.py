"""Read the labelled sentences, and turn them into what `selection_model` judges."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from omoide.core.records import Message
from omoide.reasoner.extractive import derive
from omoide.reasoner.extractive.possible_facts import PossibleFact, Sentence, candidates_of, turns
from omoide.reasoner.extractive.statements import SentenceKind

FOLDER = Path(__file__).parent
PEERS = ("alice", "user", "mel", "user_4821", "dmitri", "u-7f3a", "Priya", "bob", "customer-12", "jonas")
"""Ids under which sentences are judged, so that the weights do not depend on one."""
QUESTION = " << "
"""Divides a reply from the question that it answers."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A sentence with its label. `question` is what it answers, or ""."""

    voice: str
    text: str
    question: str
    is_useful: bool


@dataclass(frozen=True, slots=True)
class LabelledExample:
    """What `selection_model` sees of a labelled sentence; `verdict` is that of the rules, if they decide."""

    labelled: Labelled
    text: str
    cues: tuple[float, ...]
    verdict: bool | None


def read(name: str) -> list[Labelled]:
    found, voice = [], ""
    for line in (FOLDER / name).read_text("utf-8").splitlines():
        if line.startswith("# "):
            voice = line[2:]
        elif line[:2] in {"+ ", "- "}:
            text, _, question = line[2:].partition(QUESTION)
            found.append(Labelled(voice, text.strip(), question.strip(), line.startswith("+")))
    return found


def example(labelled: Labelled, chance: random.Random) -> LabelledExample:
    """The example of a labelled sentence, as if what it refers to had been said before."""
    peer_id = chance.choice(PEERS)
    candidate = _candidate(labelled, peer_id)
    if candidate is None:
        return LabelledExample(labelled, "", (), verdict=False)
    candidate.contents = derive.contents_of(candidate, peer_id)
    verdict = candidate.is_certain if candidate.is_certain is not None else derive.verdict(candidate, peer_id)
    return LabelledExample(
        labelled, derive.judged_text(candidate, peer_id), derive.judged_cues(candidate, peer_id), verdict
    )


def _candidate(labelled: Labelled, peer_id: str) -> PossibleFact | None:
    said = [("other", labelled.question)] * bool(labelled.question) + [(peer_id, labelled.text)]
    messages = [Message(f"m{at}", "s", "w", who, text, {}, 0, 0) for at, (who, text) in enumerate(said)]
    sentence: Sentence | None = None
    for sentence, other in turns(messages, peer_id):
        if found := candidates_of(sentence, other):
            return found[0]
    if sentence is None or sentence.kind not in {SentenceKind.STATEMENT, SentenceKind.FRAGMENT}:
        return None
    return PossibleFact(sentence, sentence.text, context=(sentence,))
