"""What a run says: how many answers are right, by kind of question, and what they cost."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.answers.scoring import mean
from benchmarks.llm.state import Answered, State
from benchmarks.llm.suites import Item, Suite
from benchmarks.measurements import Figure, held

Graded = Sequence[tuple[Item, Answered]]


def figures(suite: Suite, state: State, usage: Mapping[str, Mapping[str, int]], *, judged: bool) -> list[Figure]:
    """All figures of a run, also of one that is not finished."""
    found = [(item, state.answered[item.id]) for item in suite.items if item.id in state.answered]
    result = []
    for kind in dict.fromkeys(item.kind for item, _ in found):
        result += _right(kind, [each for each in found if each[0].kind == kind], judged=judged)
    for group, names in suite.groups.items():
        result += _right(f"all, {group}", [each for each in found if each[0].conversation in names], judged=judged)
    result += _right("all", found, judged=judged)
    return result + _cost(usage, state, judged=judged) + _time(found, state)


def _right(name: str, graded: Graded, *, judged: bool) -> list[Figure]:
    if not graded:
        return []
    answers = [answer for _, answer in graded]
    row = [
        Figure(name, "questions", len(graded)),
        held(name, "right by words", mean(each.by_words for each in answers)),
        Figure(name, "no answer", sum(bool(each.error) for each in answers)),
    ]
    if judged:
        row.append(held(name, "right by judge", mean(each.by_judge is True for each in answers)))
        row.append(Figure(name, "no verdict", sum(each.by_judge is None for each in answers)))
    return row


def _cost(usage: Mapping[str, Mapping[str, int]], state: State, *, judged: bool) -> list[Figure]:
    rows = dict(sorted(usage.items()))
    if judged:
        rows["judge"] = state.judged
    measures = {"calls": "calls", "tokens in": "input_tokens", "tokens out": "output_tokens"}
    result = [
        Figure(f"used: {task}", measure, counts.get(key, 0))
        for task, counts in rows.items()
        for measure, key in measures.items()
    ]
    estimated = sum(counts.get("estimated_calls", 0) for counts in usage.values())
    return [*result, Figure("estimated", "calls with estimated tokens", estimated)] if estimated else result


def _time(graded: Graded, state: State) -> list[Figure]:
    result = [held("seconds", "learning, all", sum(state.ingested.values()), "s")]
    if graded:
        seconds = [answer.seconds for _, answer in graded]
        result.append(held("seconds", "an answer, median", statistics.median(seconds), "s"))
        result.append(held("seconds", "an answer, slowest", max(seconds), "s"))
    return result
