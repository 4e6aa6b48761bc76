"""`python -m benchmarks.answers`: how good the answers are, on conversations that were looked at and on held-out ones.

Each conversation is added to a real server, in a workspace of its own; each question is put to the memory of the peer
that it is about. Beside it: the best turn by bm25, and the same server without its cross-encoder.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from benchmarks.answers import asking, dataset
from benchmarks.answers.dataset import KINDS, LabelledQuestion
from benchmarks.answers.scoring import Reply, Score, mean, score
from benchmarks.measurements import Figure, held, json_option, publish

LEVELS = ("minimal", "low", "medium", "high", "max")
WITHOUT_RERANKER = {"reranker": "none"}
Half = tuple[str, frozenset[str]]


def halves(names: Sequence[str]) -> list[Half]:
    """The conversations that were looked at while tuning, and the others."""
    kept = dataset.held_out()
    return [("tuned on", frozenset(names) - kept), ("held out", frozenset(names) & kept)]


def figures(name: str, scores: Sequence[Score]) -> list[Figure]:
    """What the scores of one half say."""
    good = [each for each in scores if each.question.is_answerable]
    bad = [each for each in scores if not each.question.is_answerable]
    if not good:
        return []
    return [
        held(name, "gold turn", mean(each.quoted > 0 for each in good)),
        held(name, "all gold turns", mean(each.quoted for each in good)),
        held(name, "short answer", mean(each.has_words for each in good)),
        held(name, "not known, right", mean(each.is_unknown for each in bad)),
        held(name, "not known, wrong", mean(each.is_unknown for each in good)),
        held(name, "words", statistics.median(each.words for each in good)),
        held(name, "time", 1000 * statistics.median(each.seconds for each in scores), "ms"),
    ]


def by_kind(name: str, scores: Sequence[Score]) -> list[Figure]:
    """The share of questions whose gold turn is quoted, by kind."""
    of_kind = {kind: [each for each in scores if each.question.kind == kind] for kind in KINDS}
    return [held(f"{name}, by kind", kind, mean(each.quoted > 0 for each in some)) for kind, some in of_kind.items()]


class Report:
    """Scores replies, and keeps the figures."""

    def __init__(self, folders: Sequence[Path], only: Sequence[str], *, show: bool) -> None:
        all_of_them = dataset.conversations(folders)
        self.asked = [each for each in dataset.questions(folders) if not only or each.conversation in only]
        names = {each.conversation for each in self.asked}
        self.conversations = {name: turns for name, turns in all_of_them.items() if name in names}
        self.labels = [each for each in dataset.labels(folders) if each.conversation in names]
        self.halves = halves([*self.conversations])
        self.figures: list[Figure] = []
        self._show = show

    def add(self, way: str, replies: Sequence[Reply], *, kinds: bool = False) -> None:
        texts = {name: {turn.id: turn.content for turn in turns} for name, turns in self.conversations.items()}
        scores = [score(q, r, texts[q.conversation]) for q, r in zip(self.asked, replies, strict=True)]
        for half, names in self.halves:
            some = [each for each in scores if each.question.conversation in names]
            self.figures += figures(f"{way}, {half}", some)
            if kinds and some:
                self.figures += by_kind(f"{way}, {half}", some)
        if self._show and kinds:
            for each, reply in zip(scores, replies, strict=True):
                _print(each, reply)

    def add_searches(self, search: Callable[[LabelledQuestion], list[str]], way: str) -> None:
        for half, names in self.halves:
            asked = [each for each in self.asked if each.conversation in names and each.evidence]
            found = [(each, {*search(each)}) for each in asked]
            recall = mean(sum(id in ids for id in each.evidence) / len(each.evidence) for each, ids in found)
            if asked:
                self.figures.append(held(f"{way}, {half}", "recall@10", recall))

    def add_selection(self, bench: asking.AnswersBench) -> None:
        for half, names in self.halves:
            if labels := [each for each in self.labels if each.conversation in names]:
                useful, kept = asking.kept_labels(bench, labels)
                self.figures += [held(f"conclusions, {half}", "useful", useful)]
                self.figures += [held(f"conclusions, {half}", "useful ones kept", kept)]


def _print(scored: Score, reply: Reply) -> None:
    question = scored.question
    mark = "+" if (scored.quoted > 0 if question.is_answerable else scored.is_unknown) else "-"
    click.echo(f"{mark} {question.conversation} [{question.kind}] {question.question} {[*question.evidence]}")
    click.echo(f"    {reply.text}")


@click.command()
@click.option("--level", type=click.Choice(LEVELS), default="low", help="The reasoning level of the questions.")
@click.option("--conversation", "only", multiple=True, help="Only this conversation; can be repeated.")
@click.option("--data", multiple=True, type=click.Path(file_okay=False, path_type=Path), help="More data, same format.")
@click.option("--alone", is_flag=True, help="Without the comparisons.")
@click.option("--show", is_flag=True, help="Print each question and answer too.")
@json_option
def main(
    *, level: str, only: Sequence[str], data: Sequence[Path], alone: bool, show: bool, json_file: Path | None
) -> None:
    """Print how often the gold turn is quoted, "not known" is right, and how long and slow answers are."""
    report = Report([dataset.HERE / "data", *data], only, show=show)
    with tempfile.TemporaryDirectory(prefix="omoide-bench-") as name:
        folder = Path(name)
        (folder / "full").mkdir()
        with asking.AnswersBench(folder / "full", report.conversations) as bench:
            report.add(level, asking.by_server(bench, report.asked, level), kinds=True)
            report.add_searches(lambda each: bench.search(each, rerank=False), "search")
            report.add_searches(lambda each: bench.search(each, rerank=True), "search, reranked")
            report.add_selection(bench)
        if not alone:
            (folder / "without").mkdir()
            with asking.AnswersBench(folder / "without", report.conversations, **WITHOUT_RERANKER) as bench:
                report.add("without cross-encoder", asking.by_server(bench, report.asked, level))
            report.add("bm25", asking.by_words(report.conversations, report.asked))
    publish(f"Answers to {len(report.asked)} questions", report.figures, json_file)


if __name__ == "__main__":
    main()
