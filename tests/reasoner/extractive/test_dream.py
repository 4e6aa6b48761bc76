"""Conclusions that a dream derives from statements; dreaming is idempotent."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omoide.core.records import Conclusion, Derived, Level, Merge
from omoide.inference.wordllama_embedder import WordLlamaEmbedder
from omoide.reasoner.extractive.dream import dream
from omoide.reasoner.protocol import Dreamed, DreamTask
from tests.reasoner.extractive.conclusion_factories import know, said


@cache
def embedder() -> WordLlamaEmbedder:
    return WordLlamaEmbedder()


def dreamed(conclusions: Sequence[Conclusion]) -> Dreamed:
    vectors = asyncio.run(embedder().embed([each.content for each in conclusions]))
    return dream(DreamTask("bot", "alice", None, conclusions), vectors)


def after(conclusions: Sequence[Conclusion], outcome: Dreamed) -> list[Conclusion]:
    """Return the conclusions after the outcome is stored."""
    gone = {id for each in outcome.merged for id in each.dropped} | {*outcome.outdated}
    live = [each for each in conclusions if each.id not in gone]
    by_id = {each.id: each for each in live}
    count = max((each.pk for each in conclusions), default=0)
    for number, new in enumerate(outcome.derived, count + 1):
        said_at = max(by_id[id].said_at for id in new.source_ids)
        fresh = Conclusion(
            number, f"d{number}", new.content, "bot", "alice", None, new.level, new.source_ids, 1, said_at, said_at,
            new.details,
        )  # fmt: skip
        live.append(fresh)
    return live


def of_level(outcome: Dreamed, level: str) -> list[Derived]:
    return [each for each in outcome.derived if each.level == level]


def in_sessions(content: str, count: int, first: int = 0) -> list[Conclusion]:
    return [know(content, first + number, f"session {first + number}") for number in range(count)]


def test_a_dream_without_conclusions_is_empty() -> None:
    assert dream(DreamTask("bot", "alice", None, []), np.zeros((0, 4), np.float32)) == Dreamed([], [], [])


def test_near_duplicates_are_merged_into_the_richer_one() -> None:
    statements = said("alice swims in the lake every morning", "alice swims in the lake in the early morning")
    statements += [
        know("alice swims in the lake every early morning", 3),
        know("alice swims in the lake every morning", 4),
    ]
    assert dreamed(statements).merged == [Merge("c3", ("c0", "c4"))]


def test_of_equally_rich_duplicates_the_newer_is_kept() -> None:
    assert dreamed(said("alice paints", "alice paints")).merged == [Merge("c1", ("c0",))]


def test_explicit_conclusions_are_merged_within_a_session_only() -> None:
    assert dreamed([know("alice paints", 0, "a"), know("alice paints", 1, "b")]).merged == []
    derived = [know("alice paints", 0, "a", "deductive"), know("alice paints", 1, "b", "deductive")]
    assert dreamed(derived).merged == [Merge("c1", ("c0",))]
    assert dreamed([derived[0], know("alice paints", 1, "a", "inductive")]).merged == []


def test_different_word_order_or_numbers_are_not_merged() -> None:
    statements = said(
        "alice likes cats more than dogs",
        "alice likes dogs more than cats",
        "alice was born in 1990",
        "alice was born in 1991",
    )
    assert dreamed(statements).merged == []


def test_an_older_text_does_not_replace_a_newer_one_with_a_slot() -> None:
    statements = said("alice really lives in Porto", "alice lives in Lisbon", "alice lives in Porto")
    outcome = dreamed(statements)
    assert outcome.merged == []
    assert of_level(outcome, "deductive")[0].content == "alice lives in Porto now; before: Lisbon"


def test_a_conclusion_without_a_vector_is_not_merged() -> None:
    task = DreamTask("bot", "alice", None, said("alice paints", "alice paints"))
    assert dream(task, np.zeros((2, 4), np.float32)).merged == []


def test_a_wrong_number_of_vectors_raises_value_error() -> None:
    with pytest.raises(ValueError, match="expected 1 vectors, got 0"):
        dream(DreamTask("bot", "alice", None, said("alice paints")), np.zeros((0, 4), np.float32))


def test_two_values_of_a_single_slot_contradict_each_other() -> None:
    (found,) = of_level(dreamed(said("alice's birthday is 3 May", "alice's birthday is 4 May")), "contradiction")
    assert found.content == (
        'about alice, two statements do not go together: "alice\'s birthday is 3 May" (2026-03-01) and '
        '"alice\'s birthday is 4 May" (2026-03-02)'
    )
    assert found.source_ids == ("c0", "c1")
    assert found.details == {"sources": ["alice's birthday is 3 May", "alice's birthday is 4 May"]}


@pytest.mark.parametrize(
    ("before", "now"),
    [("likes tea", "hates tea"), ("lives in Porto", "lives in Lisbon"), ("is a nurse", "is a teacher")],
)
def test_what_can_change_is_no_contradiction(before: str, now: str) -> None:
    assert of_level(dreamed(said(f"alice {before} and likes jazz", f"alice {now}")), "contradiction") == []


@pytest.mark.parametrize(
    "contents",
    [
        ("alice lives in Lisbon", "alice moved to Porto"),
        ("alice lives in Lisbon", "alice no longer lives in Lisbon", "alice lives in Porto"),
        ("alice lives in Lisbon", "alice lives in Portugal"),
        ("alice lives in Lisbon", "alice lives in Lisbon, Portugal"),
        ("alice is 34 years old", "alice is 35 years old"),
        ("alice likes tea", "alice likes coffee"),
        ("alice lives in Lisbon", "bob lives in Porto"),
    ],
)
def test_changes_details_and_multiple_values_do_not_contradict(contents: tuple[str, ...]) -> None:
    assert of_level(dreamed(said(*contents)), "contradiction") == []


def test_a_known_contradiction_is_not_repeated() -> None:
    statements = said("alice's birthday is 3 May", "alice's birthday is 4 May")
    more = [*after(statements, dreamed(statements)), know("alice's birthday is 4 May", 9, "later")]
    assert dreamed(more).derived == []


def test_a_changed_value_is_deduced_with_the_previous_one() -> None:
    outcome = dreamed(said("alice lives in Porto", "alice moved to Lisbon"))
    assert outcome.derived == [
        Derived(
            "deductive",
            "alice lives in Lisbon now; before: Porto",
            ("c1", "c0"),
            {"premises": ["alice moved to Lisbon", "alice lives in Porto"]},
        )
    ]


@pytest.mark.parametrize(
    "contents",
    [
        ("alice lives in Lisbon", "alice lives in Lisbon"),
        ("alice lives in Porto", "alice lives in Lisbon", "alice no longer lives in Lisbon"),
        ("alice lives in Porto", "alice moved to Lisbon", "alice lives in Germany"),
        ("alice's birthday is 3 May", "alice's birthday is 4 May"),
        ("alice likes tea", "alice hates tea"),
    ],
)
def test_nothing_is_deduced_from_uncertain_values(contents: tuple[str, ...]) -> None:
    assert of_level(dreamed(said(*contents)), "deductive") == []


def test_statements_of_the_same_time_are_no_change() -> None:
    first, second = said("alice lives in Porto", "alice lives in Lisbon")
    assert of_level(dreamed([first, replace(second, said_at=first.said_at)]), "deductive") == []


def test_an_outdated_deduction_is_replaced() -> None:
    statements = said("alice lives in Porto", "alice moved to Lisbon")
    known = [*after(statements, dreamed(statements)), know("alice moved to Faro", 5)]
    outcome = dreamed(known)
    assert [each.content for each in outcome.derived] == ["alice lives in Faro now; before: Lisbon"]
    assert outcome.outdated == ["d2"]


def test_a_foreign_deduction_is_deleted_if_contradicted() -> None:
    known = [know("alice lives in Porto", 0, level="deductive"), know("alice lives in Lisbon", 1)]
    assert dreamed(known).outdated == ["c0"]
    known = [know("alice lives in Lisbon", 0), know("alice lives in Porto", 1, level="deductive")]
    assert dreamed(known).outdated == []


@pytest.mark.parametrize(
    ("content", "pattern_type"),
    [
        ("alice likes tea", "preference"),
        ("alice prefers trains over planes", "preference"),
        ('alice said: "Never send emails on Sunday."', "preference"),
        ("alice runs every morning", "behavior"),
        ("alice feels anxious before exams", "tendency"),
    ],
)
def test_a_statement_in_three_sessions_is_a_pattern(content: str, pattern_type: str) -> None:
    assert dreamed(in_sessions(content, 2)).derived == []
    (found,) = dreamed(in_sessions(content, 3)).derived
    assert found == Derived(
        "inductive",
        f"{content} (said in 3 sessions)",
        ("c0", "c1", "c2"),
        {"sources": [content] * 3, "pattern_type": pattern_type, "confidence": "medium"},
    )


@pytest.mark.parametrize("content", ["alice lives in Lisbon", "alice has a sister"])
def test_a_plain_fact_in_three_sessions_is_a_pattern_without_a_type(content: str) -> None:
    (found,) = dreamed(in_sessions(content, 3)).derived
    assert (found.level, found.content) == ("inductive", f"{content} (said in 3 sessions)")
    assert "pattern_type" not in found.details


def test_rewordings_in_three_sessions_are_one_pattern() -> None:
    contents = ["alice's mum lives in Rome", "alice's mother is living in Rome", "alice's mother really lives in Rome"]
    (found,) = dreamed([know(content, day, f"s{day}") for day, content in enumerate(contents)]).derived
    assert (found.content, found.source_ids) == (f"{contents[-1]} (said in 3 sessions)", ("c0", "c1", "c2"))


def test_rewordings_in_a_session_are_merged() -> None:
    statements = said("alice loves hiking", "alice really enjoys going hiking", "alice hates hiking")
    assert dreamed(statements).merged == [Merge("c1", ("c0",))]


TALK = [
    ("alice's cello needs a new string", "alice plays chess with her brother"),
    ("alice has sand in her cello case", "alice's dentist found two cavities"),
    ("alice wants to teach the cello privately", "alice painted the balcony green"),
    ("alice's cello teacher is retiring", "alice adopted a cat from the shelter"),
]


def test_what_comes_up_in_several_sessions_is_a_pattern_with_its_sources() -> None:
    statements = [know(text, day, f"s{day}") for day, texts in enumerate(TALK) for text in texts]
    statements = [replace(each, pk=number, id=f"c{number}") for number, each in enumerate(statements)]
    outcome = dreamed(statements)
    (found,) = outcome.derived
    assert found.content == "alice often talks about: cello (in 4 sessions)"
    assert found.details["sources"] == [texts[0] for texts in TALK]
    assert dreamed(after(statements, outcome)) == Dreamed([], [], [])
    more = [*after(statements, outcome), replace(know("alice sold the old cello", 20, "s9"), id="c20", pk=20)]
    again = dreamed(more)
    assert [each.content for each in again.derived] == ["alice often talks about: cello (in 5 sessions)"]
    assert again.outdated == ["d8"]


def test_statements_that_cannot_both_hold_are_a_contradiction_with_both_sources() -> None:
    statements = [know("alice is an only child", 0, "a"), know("alice's brother is Tom", 1, "b")]
    outcome = dreamed(statements)
    (found,) = of_level(outcome, "contradiction")
    assert found.source_ids == ("c0", "c1")
    assert dreamed(after(statements, outcome)) == Dreamed([], [], [])


@pytest.mark.parametrize(
    "content",
    [
        "alice went to the gym yesterday (2026-11-21)",
        "alice wants to run every morning",
        'alice said: "I run every morning, maybe"',
        "bob runs every morning",
    ],
)
def test_repeated_events_wishes_and_doubts_are_no_pattern(content: str) -> None:
    assert dreamed(in_sessions(content, 5)).derived == []


def test_repetition_within_one_session_is_not_a_pattern() -> None:
    assert dreamed([know("alice likes tea", number, None) for number in range(5)]).derived == []
    assert dreamed([know("alice likes tea", number, "s") for number in range(5)]).derived == []


def test_a_pattern_with_more_support_replaces_the_previous_one() -> None:
    statements = in_sessions("alice likes tea", 3)
    known = [*after(statements, dreamed(statements)), *in_sessions("alice likes tea", 2, first=6)]
    outcome = dreamed(known)
    assert [(each.content, each.details["confidence"]) for each in outcome.derived] == [
        ("alice likes tea (said in 5 sessions)", "high")
    ]
    assert outcome.outdated == ["d3"]


def statements() -> st.SearchStrategy[str]:
    """Statements from a small grammar with few values, so that they interact."""
    towns = st.sampled_from(["Porto", "Lisbon", "Lisbon, Portugal", "Portugal", "Faro"])
    things = st.sampled_from(["tea", "the sea", "green tea", "cats more than dogs", "dogs more than cats"])
    adverb = st.sampled_from(["", "really ", "also "])
    return st.one_of(
        st.builds("alice {}lives in {}".format, adverb, towns),
        st.builds("alice moved to {}".format, towns),
        st.builds("alice no longer lives in {}".format, towns),
        st.builds("alice {}{} {}".format, adverb, st.sampled_from(["likes", "does not like", "prefers"]), things),
        st.builds("alice's name is {}".format, st.sampled_from(["Alice", "Alice Moreira", "Ana"])),
        st.builds("alice is {} years old".format, st.sampled_from([34, 35, 60])),
        st.builds("alice swims {} {}".format, st.sampled_from(["every", "early every"]), st.just("morning")),
        st.sampled_from(
            [
                "alice lives in Lisbon and works at Siemens",
                "alice works at Siemens as a nurse",
                "alice works at Bosch",
                'alice said: "Please always answer in French."',
                'alice said: "Always answer in German."',
                "alice lives in Lisbon now; before: Porto",
                "alice went to Porto",
            ]
        ),
    )


def known() -> st.SearchStrategy[list[Conclusion]]:
    levels: st.SearchStrategy[Level] = st.sampled_from([*["explicit"] * 8, "deductive", "inductive"])
    each = st.tuples(statements(), st.sampled_from(["a", "b", "c", "d", None]), levels, st.integers(0, 400))
    return st.lists(each, max_size=24).map(
        lambda drawn: [
            replace(know(text, day, session, level), pk=number, id=f"c{number}")
            for number, (text, session, level, day) in enumerate(drawn)
        ]
    )


@cache
def vector(text: str) -> tuple[float, ...]:
    return tuple(asyncio.run(embedder().embed([text]))[0].tolist())


@settings(max_examples=80, deadline=None)
@given(known())
def test_dreaming_is_idempotent(conclusions: list[Conclusion]) -> None:
    def once(statements: Sequence[Conclusion]) -> Dreamed:
        vectors = np.array([vector(each.content) for each in statements], np.float32).reshape(len(statements), 256)
        return dream(DreamTask("bot", "alice", None, statements), vectors)

    outcome = once(conclusions)
    ids = {each.id for each in conclusions} - {id for each in outcome.merged for id in each.dropped}
    assert all(set(each.source_ids) <= ids for each in outcome.derived)
    assert once(after(conclusions, outcome)) == Dreamed([], [], [])
