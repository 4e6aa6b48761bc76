from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic_ai.exceptions import ModelConnectionError

from omoide.core.records import Conclusion, Merge, Replacement
from omoide.inference.model_registry import ProviderFailed
from omoide.reasoner.agentic.dream import DEDUCTION, INDUCTION, dream
from omoide.reasoner.agentic.model_client import ModelCaller
from omoide.reasoner.protocol import Dreamed, DreamTask
from tests.reasoner.agentic.scripted import TOKENS, Scripted, calls, form, prompt_of, refusal, results_in, too_long
from tests.reasoner.memory_fixtures import Past

DONE = "Done."
DEDUCE, CONTRADICT, INDUCE, DELETE = (
    "create_observations_deductive",
    "create_observations_contradiction",
    "create_observations_inductive",
    "delete_observations",
)
MERGE, REPLACE = "merge_observations", "replace_observations"
FINISH: tuple[str, Any] = ("finish_consolidation", {})


@pytest.fixture
def known(past: Past) -> list[Conclusion]:
    said = [past.conclude(text) for text in ("alice lives in Lisbon", "alice moved to Porto", "alice runs on Sundays")]
    home = past.conclude("alice's home is Lisbon", level="deductive", sources=said[:1])
    return [*said, home]


def dreamed(past: Past, known: Sequence[Conclusion], models: Scripted) -> Dreamed:
    task = DreamTask("alice", "alice", None, known)
    return asyncio.run(dream(task, past.memory(), ModelCaller(models, "dream"), TOKENS))


def drawn(content: str, *sources: Conclusion | str, **more: Any) -> dict[str, Any]:
    ids = [source if isinstance(source, str) else source.id for source in sources]
    return {"observations": [{"content": content, "source_ids": ids, **more}]}


def last_results(models: Scripted, request: int) -> str:
    return "\n".join(results_in(models.asked[request][0]))


def test_drafted_conclusions_keep_their_sources(past: Past, known: list[Conclusion]) -> None:
    models = Scripted(
        calls((DEDUCE, drawn("alice lives in Porto now", known[0], f"id:{known[1].id}", premises=["moved"]))),
        calls((CONTRADICT, drawn("Lisbon or Porto", known[0], known[1], sources=["a", "b"]))),
        DONE,
        calls((INDUCE, drawn("alice moves about", known[0], known[1], pattern_type="behavior", confidence="high"))),
        DONE,
    )
    deduced, contradiction, induced = dreamed(past, known, models).derived
    assert (deduced.level, deduced.source_ids) == ("deductive", (known[0].id, known[1].id))
    assert deduced.details == {"premises": ["moved"]}
    assert (contradiction.level, contradiction.details) == ("contradiction", {"sources": ["a", "b"]})
    assert induced.details == {"sources": [], "pattern_type": "behavior", "confidence": "low"}


@pytest.mark.parametrize(
    ("tool", "sources", "why"),
    [
        (DEDUCE, [], "1 sources"),
        (DEDUCE, ["made-up"], "not known"),
        (CONTRADICT, ["0"], "2 sources"),
        (INDUCE, ["0"], "2 sources"),
    ],
)
def test_conclusions_without_enough_known_sources_are_refused(
    past: Past, known: list[Conclusion], tool: str, sources: list[str], why: str
) -> None:
    cited = [known[int(each)] if each.isdigit() else each for each in sources]
    turn = calls((tool, drawn("alice is rich", *cited)))
    models = Scripted(DONE, turn, DONE) if tool == INDUCE else Scripted(turn, DONE, DONE)
    assert dreamed(past, known, models).derived == []
    assert why in last_results(models, 2 if tool == INDUCE else 1)


def test_conclusions_of_another_pair_cannot_be_cited(past: Past, known: list[Conclusion]) -> None:
    foreign = past.conclude("bob has a yacht", "bob", "bob")
    models = Scripted(calls((DEDUCE, drawn("alice knows of a yacht", foreign))), DONE, DONE)
    assert dreamed(past, [*known, foreign], models).derived == []


def test_conclusions_found_during_the_dream_can_be_cited(past: Past, known: list[Conclusion]) -> None:
    models = Scripted(
        calls(("get_recent_observations", {"limit": 10})), calls((DEDUCE, drawn("alice moves", known[2]))), DONE, DONE
    )
    assert [each.source_ids for each in dreamed(past, known[:1], models).derived] == [(known[2].id,)]


def test_known_conclusions_are_refused(past: Past, known: list[Conclusion]) -> None:
    again = calls(
        (DEDUCE, drawn("Alice LIVES in Lisbon", known[1])),
        (DEDUCE, drawn("new", known[1])),
        (DEDUCE, drawn("New", known[1])),
    )
    assert len(dreamed(past, known, Scripted(again, DONE, DONE)).derived) == 1


def test_only_derived_conclusions_of_the_pair_are_deleted(past: Past, known: list[Conclusion]) -> None:
    foreign = past.conclude("bob is happy", "bob", "bob", level="deductive", sources=known[:1])
    wanted = calls((DELETE, {"observation_ids": [known[0].id, f"id:{known[3].id}", foreign.id, "made-up"]}))
    models = Scripted(wanted, DONE, DONE)
    assert dreamed(past, known, models).outdated == [known[3].id]
    assert last_results(models, 1) == "1 deleted; 1 are explicit and stay; 2 are not known."


def test_citations_of_a_deleted_conclusion_move_to_its_sources(past: Past, known: list[Conclusion]) -> None:
    models = Scripted(
        calls((DEDUCE, drawn("alice left Lisbon", known[3], known[1])), (DELETE, {"observation_ids": [known[3].id]})),
        DONE,
        DONE,
    )
    assert [each.source_ids for each in dreamed(past, known, models).derived] == [(known[1].id, known[0].id)]


def test_induction_may_cite_drafted_deductions(past: Past, known: list[Conclusion]) -> None:
    models = Scripted(
        calls((DEDUCE, drawn("alice lives in Porto now", known[0], known[1]))),
        DONE,
        calls((INDUCE, drawn("alice changes cities", "new-1", known[2]))),
        DONE,
    )
    _, induced = dreamed(past, known, models).derived
    assert "[new-1] deductive: alice lives in Porto now" in models.prompts[2]
    assert induced.source_ids == (known[0].id, known[1].id, known[2].id)
    assert induced.details["confidence"] == "medium"


def test_each_phase_has_its_own_tools_and_rounds(past: Past, known: list[Conclusion]) -> None:
    endless = calls(("get_recent_observations", {}))
    models = Scripted(script=lambda _, __: endless)
    dreamed(past, known, models)
    assert len(models.asked) == DEDUCTION.rounds + INDUCTION.rounds == 22
    offered = [{tool.name for tool in info.function_tools} for _, info in (models.asked[0], models.asked[-1])]
    reading = {"get_recent_observations", "search_memory", "search_messages", "get_reasoning_chain"}
    assert offered == [
        {*reading, DEDUCE, CONTRADICT, REPLACE, DELETE, MERGE, "finish_consolidation"},
        {*reading, INDUCE, DELETE, MERGE, "finish_consolidation"},
    ]


def test_a_failed_phase_does_not_stop_the_next(past: Past, known: list[Conclusion]) -> None:
    induced = calls((INDUCE, drawn("alice moves about", known[0], known[1])))
    models = Scripted(RuntimeError("broken"), induced, DONE)
    assert len(dreamed(past, known, models).derived) == 1


def test_a_dream_fails_if_all_phases_fail(past: Past, known: list[Conclusion]) -> None:
    with pytest.raises(RuntimeError, match="first"):
        dreamed(past, known, Scripted(RuntimeError("first"), RuntimeError("second")))


def test_an_unreachable_provider_ends_the_dream(past: Past, known: list[Conclusion]) -> None:
    models = Scripted(DONE, ModelConnectionError("scripted", "refused"))
    with pytest.raises(ProviderFailed):
        dreamed(past, known, models)


def merge(kept: Conclusion, *dropped: Conclusion | str) -> tuple[str, dict[str, Any]]:
    ids = [each if isinstance(each, str) else f"[id:{each.id}]" for each in dropped]
    return MERGE, {"merges": [{"kept_id": kept.id, "dropped_ids": ids}]}


def test_rewordings_are_merged_and_citations_follow(past: Past) -> None:
    texts = ("alice goes running on Sundays at 7", "alice runs every Sunday at 7", "alice likes to run")
    best, same, other = known = [past.conclude(text, session="s") for text in texts]
    deduced = (DEDUCE, drawn("alice is up early on Sundays", same, best, other))
    models = Scripted(calls(deduced, merge(best, same)), DONE, DONE)
    result = dreamed(past, known, models)
    assert result.merged == (Merge(best.id, (same.id,)),)
    assert result.derived[0].source_ids == (best.id, other.id)


def test_a_merge_that_would_lose_something_is_refused(past: Past, known: list[Conclusion]) -> None:
    kept = past.conclude("alice has a dog", session="s")
    named = past.conclude("alice has a dog called Rex", session="s")
    elsewhere = past.conclude("alice owns a dog", session="other")
    foreign = past.conclude("alice keeps a dog", observer="bob", session="s")
    same = past.conclude("alice owns one dog", session="s")
    models = Scripted(
        calls(merge(kept, named, elsewhere, known[3], foreign, "new-1", kept, same)),
        calls(merge(same, kept), merge(kept, same), merge(named, kept)),
        DONE,
        DONE,
    )
    result = dreamed(past, [*known, kept, named, elsewhere, same], models)
    assert result.merged == (Merge(kept.id, (same.id,)),)
    first = last_results(models, 1)
    assert first.startswith("1 merged.")
    for reason in ("names Rex", "different levels or sessions", "cite ids as they were given", "the one that is kept"):
        assert reason in first
    assert last_results(models, 2).count("merged or deleted already") == 2


def test_a_pattern_takes_the_place_of_an_older_one(past: Past, known: list[Conclusion]) -> None:
    old = past.conclude("alice moves about (2 dates)", level="inductive", sources=known[:2])
    new = drawn("alice moves about (3 dates)", old, *known[:3], replaces_ids=[f"id:{old.id}", known[0].id, known[3].id])
    again = drawn("alice moves about (3 dates)", *known[:2], replaces_ids=[old.id])
    models = Scripted(DONE, calls((INDUCE, new), (INDUCE, again)), DONE)
    result = dreamed(past, [*known, old], models)
    assert [*result.outdated] == [old.id]
    (induced,) = result.derived
    assert induced.source_ids == tuple(each.id for each in known[:3])


def test_a_later_statement_takes_the_place_of_an_older_one(past: Past, known: list[Conclusion]) -> None:
    lisbon, porto, _, resting = known
    swapped = past.conclude("alice lives in Faro", at=0)
    pairs = [(lisbon, porto), (lisbon, porto), (porto, swapped), (resting, porto), (porto, porto)]
    ids = [*((old.id, new.id) for old, new in pairs), ("x", porto.id)]
    wanted = {"replacements": [*({"old_id": old, "new_id": new} for old, new in ids), {"old_id": [1]}]}
    models = Scripted(calls((REPLACE, wanted), (DEDUCE, drawn("alice lives by the sea", lisbon, resting))), DONE, DONE)
    result = dreamed(past, [*known, swapped], models)
    assert result.replaced == [Replacement(lisbon.id, porto.id)]
    assert [*result.outdated] == [resting.id]
    assert result.derived[0].source_ids == (porto.id,)
    assert last_results(models, 1).startswith("1 replaced.")
    assert last_results(models, 1).count("Refused") == 6
    assert lisbon.id not in models.prompts[-1].partition("<conclusions>")[2].partition("<derived>")[0]


def test_finishing_needs_no_further_request(past: Past, known: list[Conclusion]) -> None:
    models = Scripted(calls((DEDUCE, drawn("alice left Lisbon", *known[:2])), FINISH), calls(FINISH))
    assert len(dreamed(past, known, models).derived) == 1
    assert len(models.asked) == 2


def test_a_model_learns_of_a_refusal_before_it_finishes(past: Past, known: list[Conclusion]) -> None:
    models = Scripted(calls((DEDUCE, drawn("alice left", "made-up")), FINISH), calls(FINISH), calls(FINISH))
    dreamed(past, known, models)
    assert "not known" in last_results(models, 1)


def test_a_refused_observation_spoils_only_itself(past: Past, known: list[Conclusion]) -> None:
    good, bad = drawn("alice left Lisbon", *known[:2])["observations"], [{"content": "no sources"}, 7, {}]
    merges = {"merges": [{"dropped_ids": []}, "x"]}
    models = Scripted(calls((DEDUCE, {"observations": [*bad, *good]}), (MERGE, merges)), DONE, DONE)
    assert [each.content for each in dreamed(past, known, models).derived] == ["alice left Lisbon"]
    created, merged = results_in(models.asked[1][0])
    assert created.startswith("1 created.\nRefused 'no sources': source_ids: Field required")
    assert merged.startswith("0 merged.\nRefused kept_id: Field required")


def test_what_a_phase_took_away_is_not_shown_to_the_next(past: Past, known: list[Conclusion]) -> None:
    look = calls(("search_memory", {"query": "Lisbon"}))
    models = Scripted(calls((DELETE, {"observation_ids": [known[3].id]})), DONE, look, DONE)
    dreamed(past, known, models)
    assert known[3].content in models.prompts[0]
    assert known[3].content not in models.prompts[-1]
    assert known[0].content in models.prompts[-1]


def test_a_refused_pattern_replaces_nothing(past: Past, known: list[Conclusion]) -> None:
    old = past.conclude("alice moves about (2 dates)", level="inductive", sources=known[:2])
    models = Scripted(DONE, calls((INDUCE, drawn("alice is fickle", known[0], replaces_ids=[old.id]))), DONE)
    assert dreamed(past, [*known, old], models) == Dreamed(derived=[], merged=(), outdated=[], replaced=[])


def test_each_phase_is_told_the_present_with_its_weekday(past: Past, known: list[Conclusion]) -> None:
    models = Scripted(DONE, DONE)
    dreamed(past, known, models)
    assert all(re.search(r"It is now \w+day, \d{4}-\d\d-\d\d \d\d:\d\d UTC", prompt) for prompt in models.prompts)


def test_an_endpoint_without_tools_is_asked_once_for_all_changes(past: Past, known: list[Conclusion]) -> None:
    same = past.conclude("alice goes running on Sundays")
    plan = {
        "deductions": [*drawn("alice left Lisbon", known[0], known[1])["observations"], {"content": 7}, "?"],
        "patterns": drawn("alice moves about", *known[:3])["observations"],
        "replacements": [{"old_id": known[0].id, "new_id": known[1].id}],
        "merges": [{"kept_id": known[2].id, "dropped_ids": [same.id]}],
        "deleted_ids": [],
    }

    def script(_: Any, info: Any) -> Any:
        return refusal("toy does not support tools") if info.function_tools else form(plan)

    models = Scripted(script=script)
    for _ in range(2):
        result = dreamed(past, [*known, same], models)
        assert [each.content for each in result.derived] == ["alice left Lisbon", "alice moves about"]
        assert result.derived[0].source_ids == (known[1].id,)
        assert result.merged == (Merge(known[2].id, (same.id,)),)
        assert result.replaced == [Replacement(known[0].id, known[1].id)]
        assert [*result.outdated] == [known[3].id]
    assert [bool(info.function_tools) for _, info in models.asked] == [True, False, False]
    assert known[0].content in models.prompts[1]


def test_a_dream_that_is_too_long_for_the_model_shows_fewer_conclusions(past: Past) -> None:
    known = [past.conclude(f"alice has seen bird number {n} " + "in the wood " * 14) for n in range(60)]

    def small(messages: Any, info: Any) -> Any:
        return too_long() if prompt_of(messages, info).count("bird number") > 40 else DONE

    models = Scripted(script=small)
    assert dreamed(past, known, models).derived == []
    assert [prompt.count("bird number") for prompt in models.prompts[::2]] == [60, 60]
    assert all(0 < prompt.count("bird number") <= 40 for prompt in models.prompts[1::2])
    assert "bird number 59" in models.prompts[-1]


def test_a_conclusion_that_repeats_itself_is_refused(past: Past, known: list[Conclusion]) -> None:
    models = Scripted(calls((DEDUCE, drawn("alice moves and moves " * 30, known[0]))), DONE, DONE)
    assert dreamed(past, known, models).derived == []
    assert "it repeats itself" in last_results(models, 1)
