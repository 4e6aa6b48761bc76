"""`python -m benchmarks.floor`: what recall tells of the answers to questions, and how often it tells nothing.

Each question of `benchmarks.answers` is put to its conversation, and every third also to another one, which knows
nothing about it. Nothing is told if no result reaches the least scores of `omoide.services.relevance_floor`; how much
of the answers fits is a matter of the order and of `omoide.services.recall.SHARE`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.answers import dataset
from benchmarks.answers.asking import AnswersBench
from benchmarks.answers.dataset import LabelledQuestion
from benchmarks.answers.scoring import mean
from benchmarks.measurements import Figure, held, json_option, publish

BUDGETS = (300, 500, 1_000)
"""Tokens of a text; the last is the default of recall."""
ELSEWHERE = 3
"""One of so many questions is put to another conversation, too."""


def told(bench: AnswersBench, asked: Sequence[LabelledQuestion], budget: int) -> list[Figure]:
    """The share of gold turns in the texts, and of questions to which nothing is told."""
    found = [(each, bench.recall(each.conversation, each.question, budget)) for each in asked]
    gold = mean(sum(id in turns for id in each.evidence) / len(each.evidence) for each, turns in found)
    name = f"{budget:,} tokens"
    return [held(name, "gold turns", gold), held(name, "nothing told", mean(not turns for _, turns in found))]


def told_elsewhere(bench: AnswersBench, asked: Sequence[LabelledQuestion]) -> Figure:
    """The share of questions to which the next conversation, rightly, tells nothing."""
    names = sorted({each.conversation for each in asked})
    following = dict(zip(names, [*names[1:], names[0]], strict=True))
    found = [bench.recall(following[each.conversation], each.question, BUDGETS[-1]) for each in asked[::ELSEWHERE]]
    return held("of another conversation", "nothing told", mean(not turns for turns in found))


@click.command()
@click.option("--conversation", "only", multiple=True, help="Only this conversation; can be repeated.")
@click.option("--held-out", is_flag=True, help="The conversations that were held out, instead of the others.")
@json_option
def main(*, only: Sequence[str], held_out: bool, json_file: Path | None) -> None:
    """Print the figures for each budget."""
    folders = [dataset.HERE / "data"]
    chosen = [
        each
        for each in dataset.questions(folders)
        if each.evidence
        and (each.conversation in only if only else (each.conversation in dataset.held_out()) == held_out)
    ]
    names = {each.conversation for each in chosen}
    spoken = {name: turns for name, turns in dataset.conversations(folders).items() if name in names}
    with tempfile.TemporaryDirectory(prefix="omoide-bench-") as folder, AnswersBench(Path(folder), spoken) as bench:
        figures = [figure for budget in BUDGETS for figure in told(bench, chosen, budget)]
        if len(names) > 1:
            figures.append(told_elsewhere(bench, chosen))
    publish(f"Recall for {len(chosen)} questions", figures, json_file)


if __name__ == "__main__":
    main()
