"""Judge how well candidate statements answer a question, and whether any does: with trained models (`linear_model`).

All are ranked by cheap cues; the best are read by the cross-encoder and ranked again. Question and statements are
compared in the first person. A question about alice is not answered by what bob says of himself. Nothing is known if
the third model doubts it: nothing fits well, or what fits best is another peer's.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from omoide.reasoner.extractive.candidates import CandidateStatement
from omoide.reasoner.extractive.first_person import in_first_person, is_named, names
from omoide.reasoner.extractive.linear_model import linear_model
from omoide.reasoner.extractive.questions import ParsedQuestion
from omoide.reasoner.extractive.statement_cues import Array, StatementCues
from omoide.search.rerank import Reranker, Scores

FIRST = (
    *("words", "found", "asks", "fit", "length", "turn", "own", "of_another"),
    *("near", "near_before", "near_earlier", "near_after"),
)
"""Cues of the first ranking."""
READ = ("asks", "fit", "length", "turn", "own", "near", "near_before", "near_earlier", "near_after")
"""Cues of the ranking of what the cross-encoder read, besides its logit, the same cut off below `FLAT`, and the inverse
of its rank."""
FLAT = -8.0
LEAST = -11.0
"""The lowest logit, and score of nothing."""
DOUBTS = ("best", "likeness", "likeness_others", "words", "others", "terms")
"""Cues of whether nothing is known: the best score; the likeness of the closest statement by or about the peer, and of
another peer about itself; the question's words in what the peer said; by how much others' statements score better; the
number of the question's words."""
DOUBTS_READ = (*DOUBTS, "logit", "logit_own", "logit_others")
MOST_TERMS = 3

CERTAIN, CERTAIN_SHARE = 1.0, 0.99
"""Logit, and without one share of the question's words, from which a statement answers for certain."""
LIKELY_SHARE, LEAST_FITTING = 0.8, -4.0
"""The share from which it does unless its logit is flat, and its logit if it has the number, time or place that is
asked for, and some of the words."""
LEAST_PLAIN, LEAST_SHARE, LEAST_NEAR = -2.0, 0.5, 3.5
"""A plain statement that answers has at least one of: this logit, share of the question's words, likeness to it."""
LEAST_SHARE_OF_TURN, LEAST_NEAR_OF_TURN = 0.2, 1.2
"""The same of a message, besides a logit of `FLAT`; messages around it count for likeness."""
NEAR = ("near", "near_before", "near_earlier", "near_after")
USUAL_BEST = 2.5
"""Likeness of the closest statement where it is not known."""

SPREAD = 4.0
"""Maximum distance of further statements from the best score."""


class Judged(NamedTuple):
    """A statement, and the log odds that it answers the question."""

    statement: CandidateStatement
    score: float


def judge(
    asked: ParsedQuestion,
    cues: StatementCues,
    reranker: Reranker,
    pairs: int,
    *,
    left_out: Collection[int] = (),
) -> list[Judged]:
    """Return the statements that answer the question, best first: none if nothing known does.

    The cross-encoder reads the first `pairs`, without those whose identities are `left_out`.
    """
    first = linear_model("first", FIRST).scores(cues.columns(FIRST))
    order = [row for row in np.argsort(-first, kind="stable").tolist() if id(cues.statements[row]) not in left_out]
    logits = read(asked, cues.at(order[:pairs]), reranker) if pairs else None
    chosen = cues.at(order if logits is None else order[:pairs])
    scores = first[order] if logits is None else linear_model("read", READ_CUES).scores(read_cues(chosen, logits))
    if not len(scores) or (doubt(asked, chosen, scores, logits) > 0 and not _is_certain(asked, chosen, logits)):
        return []
    return _best(chosen, scores, _may_answer(asked, chosen, logits))


READ_CUES = ("logit", "logit_cut", "logit_rank", *READ)


def read(asked: ParsedQuestion, cues: StatementCues, reranker: Reranker) -> Scores | None:
    """Return the cross-encoder's logits; None if there is none that can judge."""
    called = names(asked)
    texts = [in_first_person(f"{each.prompt} {each.text}".strip(), called) for each in cues.statements]
    return reranker.score(in_first_person(asked.text, called), texts)


def read_cues(cues: StatementCues, logits: Scores) -> Array:
    """Return the table of `READ_CUES`."""
    rank = 1 / (1 + np.argsort(np.argsort(-logits, kind="stable"), kind="stable"))
    return np.column_stack([logits, np.maximum(logits, FLAT), rank, cues.columns(READ)])


def doubt(asked: ParsedQuestion, cues: StatementCues, scores: Array, logits: Scores | None) -> float:
    """Return the log odds that nothing is known, less a threshold."""
    row = doubts(asked, cues, scores, logits)
    model = linear_model("doubt", DOUBTS) if logits is None else linear_model("doubt_read", DOUBTS_READ)
    return float(model.scores(row[np.newaxis])[0])


def doubts(asked: ParsedQuestion, cues: StatementCues, scores: Array, logits: Scores | None) -> Array:
    """Return the cues of whether nothing is known: `DOUBTS`, or with logits `DOUBTS_READ`."""
    others, own = cues["of_another"] > 0, cues["own"] > 0
    tells = cues["asks"] == 0
    best = float(scores.max())
    row = [
        best,
        _most(cues.likeness, own, 0.0) if cues.likeness.any() else USUAL_BEST,
        _most(cues.likeness, others, 0.0),
        _most(_share(asked, cues), own, 0.0),
        _most(scores, others, best - 2) - _most(scores, ~others, best - 2),
        min(len(asked.terms), MOST_TERMS),
    ]
    if logits is not None:
        row += [
            _most(logits, ~others & tells, LEAST),
            _most(logits, own & tells, LEAST),
            _most(logits, others, LEAST),
        ]
    return np.array(row, np.float64)


def _is_certain(asked: ParsedQuestion, cues: StatementCues, logits: Scores | None) -> bool:
    """Whether a statement by or about the peer plainly answers the question."""
    is_past = np.array([each.is_past for each in cues.statements])
    share = _share(asked, cues)
    if asked.asks_past and bool((is_past & (share >= LEAST_SHARE)).any()):
        return True
    tells = (cues["asks"] == 0) & (cues["own"] > 0 if is_named(asked) else cues["of_another"] == 0)
    fits = (cues["fit"] > 0) & (share >= LEAST_SHARE)
    if logits is None:
        return bool((tells & (fits | (share >= CERTAIN_SHARE))).any())
    read = (logits >= CERTAIN) | (fits & (logits >= LEAST_FITTING)) | ((share >= LIKELY_SHARE) & (logits >= FLAT))
    return bool((tells & read).any())


def _may_answer(asked: ParsedQuestion, cues: StatementCues, logits: Scores | None) -> npt.NDArray[np.bool_]:
    """Whether each statement may be quoted: one without anything of the question is only the least bad. What is plain,
    as conclusions are, answers plainly or not at all."""
    is_turn, share, nearest = cues["turn"] > 0, _share(asked, cues), cues.columns(NEAR).max(axis=1, initial=0.0)
    answers = (share >= np.where(is_turn, LEAST_SHARE_OF_TURN, LEAST_SHARE)) | (
        np.where(is_turn, nearest, cues.likeness) >= np.where(is_turn, LEAST_NEAR_OF_TURN, LEAST_NEAR)
    )
    if logits is not None:
        answers |= logits >= np.where(is_turn, FLAT, LEAST_PLAIN)
    may: npt.NDArray[np.bool_] = (cues["of_another"] == 0) & answers
    return may


def _share(asked: ParsedQuestion, cues: StatementCues) -> Array:
    """The share of the question's words in each statement."""
    share: Array = cues["words"] / max(1, len(asked.terms)) ** 0.5
    return share


def _most(values: Array | Scores, rows: npt.NDArray[np.bool_], default: float) -> float:
    return float(values[rows].max()) if rows.any() else default


def _best(cues: StatementCues, scores: Array, may_answer: npt.NDArray[np.bool_]) -> list[Judged]:
    rows = zip(cues.statements, scores.tolist(), may_answer.tolist(), strict=True)
    judged = [Judged(statement, score) for statement, score, may in rows if may]
    judged.sort(key=lambda each: (each.score, each.statement.said_at, each.statement.serial), reverse=True)
    return [each for each in judged if each.score >= judged[0].score - SPREAD]
