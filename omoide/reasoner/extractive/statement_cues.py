"""Cues of how well a statement answers a question, for the trained models of `judging`. Pure.

The likeness of a statement to the question counts, and that of the messages around it: "sold her last week" answers a
question about the boat if the message before was about the boat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from omoide.inference.glosses import in_english
from omoide.reasoner.evidence import Likeness, Snippet
from omoide.reasoner.extractive import relevance
from omoide.reasoner.extractive.candidates import CandidateStatement
from omoide.reasoner.extractive.questions import ParsedQuestion
from omoide.reasoner.extractive.relevance import RelevanceWeights
from omoide.reasoner.extractive.terms import base_forms

Array = npt.NDArray[np.float64]

_TAKEN = ("words", "found", "asks", "about", "fit", "length")
CUES = (*_TAKEN, "turn", "own", "of_another", "near", "near_before", "near_earlier", "near_after")
"""`own`: said by, or about, a peer in question. `near`: likeness, relative to other statements; of the statement, the
messages one and two before it, and the one after it."""
_COLUMNS = [RelevanceWeights._fields.index(name) for name in _TAKEN]
USUAL = {"bge-small": (0.46, 0.07), "wordllama": (0.03, 0.10), "e5": (0.80, 0.03)}
"""Mean and deviation of the likeness of a question and what a search finds for it, by embedder. It counts like"""
USUAL_COUNT = 20
"""further texts, which matters where few are known."""
BEFORE, EARLIER, AFTER = -1, -2, 1


@dataclass(frozen=True, slots=True)
class StatementCues:
    statements: Sequence[CandidateStatement]
    table: Array
    """One row per statement, one column per cue."""
    likeness: Array
    """Of each statement, relative to what is usual; 0 if it is not known."""

    def __getitem__(self, cue: str) -> Array:
        column: Array = self.table[:, CUES.index(cue)]
        return column

    def columns(self, cues: Sequence[str]) -> Array:
        """The columns of these cues."""
        chosen: Array = self.table[:, [CUES.index(cue) for cue in cues]]
        return chosen

    def at(self, rows: Sequence[int]) -> StatementCues:
        """Only these statements."""
        return StatementCues([self.statements[row] for row in rows], self.table[[*rows]], self.likeness[[*rows]])


def statement_cues(
    asked: ParsedQuestion,
    statements: Sequence[CandidateStatement],
    snippets: Sequence[Snippet],
    likeness: Likeness,
) -> StatementCues:
    """Compute the cues. `snippets` tell which messages are around others."""
    signs = relevance.signs(asked, statements, None)[:, _COLUMNS]
    forms = [base_forms(in_english(each.text)) for each in statements]
    own = [not asked.about or each.peer_id in asked.about for each in statements]
    others = [relevance.is_of_another(asked, each, said) for each, said in zip(statements, forms, strict=True)]
    kinds = np.array([[each.source == "turn" for each in statements], own, others], np.float64).T
    usual, relative = _scaled(likeness)
    around = _around(snippets)
    near = np.array([_nearness(each, around, relative) for each in statements], np.float64).reshape(-1, 4)
    table = np.hstack([signs, kinds.reshape(-1, 3), near])
    return StatementCues(statements, table, np.array([_best(_ids(each), usual) for each in statements]))


def _scaled(likeness: Likeness) -> tuple[Mapping[str, float], Mapping[str, float]]:
    """Return the likeness relative to what is usual, and relative to these texts; the same for unknown embedders."""
    values = np.array([*likeness.cosines.values()])
    if not len(values):
        return {}, {}
    known = USUAL.get(likeness.embedder.partition(":")[0])
    usual_mean, usual_deviation = known or (float(values.mean()), float(values.std()) or 1.0)
    count = len(values) + USUAL_COUNT
    mean = (values.sum() + USUAL_COUNT * usual_mean) / count
    deviation = ((((values - mean) ** 2).sum() + USUAL_COUNT * usual_deviation**2) / count) ** 0.5
    usual = {id: (each - usual_mean) / usual_deviation for id, each in likeness.cosines.items()}
    return usual, {id: (each - mean) / deviation for id, each in likeness.cosines.items()}


def _around(snippets: Sequence[Snippet]) -> Mapping[tuple[str, int], str]:
    """Return the messages before and after each one: by its id and the distance."""
    found: dict[tuple[str, int], str] = {}
    for snippet in snippets:
        ids = [message.id for message in snippet.messages]
        for at, id in enumerate(ids):
            for distance in (EARLIER, BEFORE, AFTER):
                if 0 <= at + distance < len(ids):
                    found[id, distance] = ids[at + distance]
    return found


def _ids(statement: CandidateStatement) -> Sequence[str]:
    """The ids whose likeness is that of the statement: its own, for a conclusion without one those of its messages."""
    return [each for each in (statement.conclusion_id, statement.message_id) if each] or [*statement.sources]


def _nearness(
    statement: CandidateStatement, around: Mapping[tuple[str, int], str], likeness: Mapping[str, float]
) -> list[float]:
    messages = [statement.message_id] if statement.message_id else [*statement.sources]
    neighbours = (
        [around[id, distance] for id in messages if (id, distance) in around] for distance in (BEFORE, EARLIER, AFTER)
    )
    return [_best(_ids(statement), likeness), *(_best(ids, likeness) for ids in neighbours)]


def _best(ids: Sequence[str], likeness: Mapping[str, float]) -> float:
    return max((likeness[id] for id in ids if id in likeness), default=0.0)
