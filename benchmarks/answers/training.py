"""Train `extractive/data/answer_model.toml`: how statements are ranked, and when nothing is known.

`python -m benchmarks.answers.training` from the root of the repository. It reads the conversations that are not held
out, retrieves as `chat` does, and prints figures of models that were trained without the conversation in question.
"""

from __future__ import annotations

import asyncio
import pickle
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks.answers import asking, dataset
from benchmarks.answers.dataset import LabelledQuestion
from benchmarks.selection.model import Array, fit, scores
from benchmarks.servers import DATABASE
from omoide.core.settings import Settings
from omoide.reasoner.extractive import judging
from omoide.reasoner.extractive.answer import Case
from omoide.reasoner.extractive.judging import DOUBTS, DOUBTS_READ, FIRST, READ_CUES
from omoide.reasoner.extractive.linear_model import linear_model
from omoide.reasoner.extractive.questions import ParsedQuestion
from omoide.reasoner.extractive.retrieval import retrieve
from omoide.reasoner.extractive.selection import told_otherwise
from omoide.reasoner.extractive.statement_cues import StatementCues, statement_cues
from omoide.reasoner.memory_view import MemoryScope, MemoryView
from omoide.reasoner.protocol import Question, ReasoningLevel
from omoide.search.rerank import Scores
from omoide.services.container import Services, open_services

LEVEL: ReasoningLevel = "low"
PAIRS = 20
"""Statements of a question that the cross-encoder reads, as at this level."""
WRONG, WRONG_UNREAD = 0.07, 0.04
"""Share of the answerable questions that may be told that nothing is known, also without the cross-encoder."""
LEFT_OUT = 0.1
"""How much an answerable question counts as one that nothing answers, when the statements that do are left out."""
PENALTY = 2.0
OUTPUT = Path(__file__).parents[2] / "omoide/reasoner/extractive/data/answer_model.toml"

ROUNDED = 4


@dataclass
class Example:
    """A question with the cues of its statements, and which of them answer it."""

    question: LabelledQuestion
    asked: ParsedQuestion
    cues: StatementCues
    gold: Array
    rows: Sequence[int] = ()
    """What the cross-encoder reads, and"""
    logits: Scores | None = None

    @property
    def conversation(self) -> str:
        return self.question.conversation


Inputs = Callable[[Example], tuple[Array, Array]]
"""The table and labels of an example."""


@click.command()
@click.option("--data", multiple=True, type=click.Path(file_okay=False, path_type=Path), help="More data, same format.")
@click.option("--kept", type=click.Path(dir_okay=False, path_type=Path), help="Read examples from here, or write them.")
def main(*, data: Sequence[Path], kept: Path | None) -> None:
    """Train the models, print their figures, and write them."""
    if kept is not None and kept.exists():
        examples = pickle.loads(kept.read_bytes())
    else:
        examples = _examples([dataset.HERE / "data", *data])
        if kept is not None:
            kept.write_bytes(pickle.dumps(examples))
    answerable = [each for each in examples if each.question.is_answerable and each.gold.any()]
    tables = [_trained("first", FIRST, _train(answerable, _first))]
    tables.append(_trained("read", READ_CUES, _train([each for each in answerable if each.logits is not None], _read)))
    ranked = {"doubt": _held_out(examples, answerable, _first), "doubt_read": _held_out(examples, answerable, _read)}
    for (name, found), cues in zip(ranked.items(), (DOUBTS, DOUBTS_READ), strict=True):
        _print_ranking(name, examples, found)
        tables.append(_doubt(name, cues, examples, found))
    header = "# Weights of `linear_model`, written by python -m benchmarks.answers.training.\n\n"
    OUTPUT.write_text(header + "\n".join(tables))


def _examples(folders: Sequence[Path]) -> list[Example]:
    asked = [each for each in dataset.questions(folders) if each.conversation not in dataset.held_out()]
    names = {each.conversation for each in asked}
    conversations = {name: turns for name, turns in dataset.conversations(folders).items() if name in names}
    with tempfile.TemporaryDirectory(prefix="omoide-bench-") as folder:
        with asking.AnswersBench(Path(folder), conversations) as bench:
            turns = bench.turns
        return asyncio.run(_gathered(Path(folder) / DATABASE, asked, turns))


async def _gathered(file: Path, asked: Sequence[LabelledQuestion], turns: Mapping[str, str]) -> list[Example]:
    services = open_services(Settings.model_validate({"db": file}))
    try:
        with click.progressbar(asked, label="questions") as questions:
            return [await _example(services, each, turns) for each in questions]
    finally:
        await services.aclose()


async def _example(services: Services, question: LabelledQuestion, turns: Mapping[str, str]) -> Example:
    scope = MemoryScope(question.conversation, question.peer, question.peer)
    memory = MemoryView(services.store, services.finder, services.tokens, scope)
    whole = Question(question.question, question.peer, question.peer, LEVEL)
    case = Case.of(whole, await retrieve(whole, memory))
    left_out = told_otherwise(case.candidates)
    kept = [each for each in case.candidates if id(each) not in left_out]
    cues = statement_cues(case.asked, kept, case.snippets, case.likeness)
    behind = [[each.message_id] if each.message_id else [*each.sources] for each in kept]
    gold = np.array([any(turns.get(id) in question.evidence for id in ids) for ids in behind], np.float64)
    example = Example(question, case.asked, cues, gold)
    # Those that the weights of before rank first, which hardly matters.
    order = np.argsort(-linear_model("first", FIRST).scores(cues.columns(FIRST)))
    example.rows = order[:PAIRS].tolist()
    example.logits = judging.read(case.asked, cues.at(example.rows), services.reranker) if kept else None
    return example


def _first(example: Example) -> tuple[Array, Array]:
    return example.cues.columns(FIRST), example.gold


def _read(example: Example) -> tuple[Array, Array]:
    assert example.logits is not None
    return judging.read_cues(example.cues.at(example.rows), example.logits), example.gold[[*example.rows]]


def _train(examples: Sequence[Example], inputs: Inputs) -> Array:
    tables, labels = zip(*map(inputs, examples), strict=True)
    return _fitted(np.vstack(tables), np.concatenate(labels))


def _fitted(table: Array, labels: Array, weights: Array | None = None) -> Array:
    """Fit on standardised cues, and return weights for the cues themselves; the last is the bias."""
    mean, deviation = table.mean(axis=0), table.std(axis=0) + 1e-9
    found = fit((table - mean) / deviation, labels, np.ones(len(labels)) if weights is None else weights, PENALTY)
    coefficients = found[:-1] / deviation
    return np.append(coefficients, found[-1] - coefficients @ mean)


def _held_out(examples: Sequence[Example], answerable: Sequence[Example], inputs: Inputs) -> list[Array | None]:
    """Return the scores of each example's statements by a model that was trained without its conversation."""
    models = {
        name: _train([each for each in answerable if each.conversation != name and each.logits is not None], inputs)
        for name in {each.conversation for each in examples}
    }
    return [None if each.logits is None else scores(inputs(each)[0], models[each.conversation]) for each in examples]


def _print_ranking(name: str, examples: Sequence[Example], found: Sequence[Array | None]) -> None:
    places: dict[str, list[int]] = {}
    for each, ranks in zip(examples, found, strict=True):
        if each.question.is_answerable and ranks is not None:
            gold = each.gold if len(ranks) == len(each.gold) else each.gold[[*each.rows]]
            best = np.flatnonzero(gold[np.argsort(-ranks)])
            places.setdefault(each.conversation, []).append(int(best[0]) if len(best) else len(gold) + 99)
    for most in (1, 3, 10, 20):
        shares = {each: float(np.mean(np.array(ranks) < most)) for each, ranks in places.items()}
        told = ", ".join(f"{each} {share:.2f}" for each, share in sorted(shares.items()))
        print(f"{name}: answered among the first {most}: {np.mean([*shares.values()]):.3f} ({told})")


def _doubt(name: str, cues: Sequence[str], examples: Sequence[Example], found: Sequence[Array | None]) -> str:
    known = _Known.read if len(cues) > len(DOUBTS) else _Known.ranked
    used = [known(each, ranks) for each, ranks in zip(examples, found, strict=True) if ranks is not None]
    asked = len(used)
    used += [without for each in used if not each.is_unknown and len((without := each.without_gold()).ranks) > 1]
    table = np.vstack([each.doubts() for each in used])
    unknown = np.array([float(each.is_unknown) for each in used])
    weights = np.array([1.0] * asked + [LEFT_OUT] * (len(used) - asked))
    names = np.array([each.example.conversation for each in used])
    held = np.zeros(len(used))
    for conversation in {*names.tolist()}:
        others = names != conversation
        held[~others] = scores(table[~others], _fitted(table[others], unknown[others], weights[others]))
    is_asked = weights == 1.0
    most_wrong = WRONG if len(cues) > len(DOUBTS) else WRONG_UNREAD
    threshold = float(np.quantile(held[is_asked & (unknown == 0)], 1 - most_wrong))
    for conversation in ["", *sorted({*names.tolist()})]:
        here = is_asked & ((names == conversation) | (conversation == ""))
        right, wrong = (float((held[here & (unknown == kind)] > threshold).mean()) for kind in (1, 0))
        print(f"{name}: {conversation or 'all'}: right {right:.3f}, wrong {wrong:.3f}")
    model = _fitted(table, unknown, weights)
    model[-1] -= float(np.quantile(scores(table, model)[is_asked & (unknown == 0)], 1 - most_wrong))
    return _trained(name, cues, model)


@dataclass(frozen=True)
class _Known:
    """What is known when a question is answered."""

    example: Example
    cues: StatementCues
    gold: Array
    ranks: Array
    logits: Scores | None
    is_unknown: bool

    @classmethod
    def ranked(cls, example: Example, ranks: Array) -> _Known:
        return cls(example, example.cues, example.gold, ranks, None, not example.question.is_answerable)

    @classmethod
    def read(cls, example: Example, ranks: Array) -> _Known:
        cues, gold = example.cues.at(example.rows), example.gold[[*example.rows]]
        return cls(example, cues, gold, ranks, example.logits, not example.question.is_answerable)

    def without_gold(self) -> _Known:
        """The same question where nothing answers it."""
        rows = np.flatnonzero(self.gold == 0)
        logits = None if self.logits is None else self.logits[rows]
        return _Known(self.example, self.cues.at(rows.tolist()), self.gold[rows], self.ranks[rows], logits, True)

    def doubts(self) -> Array:
        return judging.doubts(self.example.asked, self.cues, self.ranks, self.logits)


def _trained(name: str, cues: Sequence[str], model: Array) -> str:
    weights = dict(zip(cues, np.round(model[:-1], ROUNDED).tolist(), strict=True))
    lines = [f"{cue} = {weight}" for cue, weight in weights.items()]
    return "\n".join([f"[{name}]", *lines, f"bias = {round(float(model[-1]), ROUNDED)}", ""])


if __name__ == "__main__":
    main()
