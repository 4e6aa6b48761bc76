"""The conclusions that rest on messages are found by the ids of the messages, and why there are none is told."""

from __future__ import annotations

from typing import Any

import pytest

from omoide.core.auth import Principal
from tests.handlers.thinking import ReasonedWorkspace

Json = dict[str, Any]


@pytest.fixture
def told(memory: ReasonedWorkspace) -> dict[str, str]:
    """What alice said while bob listened, with the ids of the messages."""
    memory.session("s", peers={"alice": {}, "bob": {"observe_others": True}})
    rome, dog = memory.hear("s", "I live in Rome.", "I have a dog named Max.")
    (oslo,) = memory.hear("s", "I live in Oslo now.")
    return {"rome": rome, "dog": dog, "oslo": oslo}


def found(memory: ReasonedWorkspace, filters: Json | None) -> set[tuple[str, str]]:
    page = memory.ok("POST", "/conclusions/list", {"filters": filters})
    assert page["total"] == len(page["items"])
    return {(each["observer_id"], each["content"].removeprefix("alice ")) for each in page["items"]}


def test_conclusions_are_listed_by_their_messages_for_every_observer(
    memory: ReasonedWorkspace, told: dict[str, str]
) -> None:
    assert found(memory, {"message_id": told["oslo"]}) == {(peer, "lives in Oslo now") for peer in ("alice", "bob")}
    current = {"lives in Oslo now", "has a dog named Max"}
    assert found(memory, {"message_id": [*told.values()]}) == {
        (peer, text) for peer in ("alice", "bob") for text in current
    }
    ended = found(memory, {"message_id": {"in": [told["rome"]]}, "status": "*"})
    assert ended == {(peer, "lives in Rome") for peer in ("alice", "bob")}
    assert found(memory, {"message_id": told["rome"]}) == set(), "it is no longer current"
    assert found(memory, {"message_id": "unknown"}) == set()


def test_conditions_on_conclusions_can_be_combined(memory: ReasonedWorkspace, told: dict[str, str]) -> None:
    everything = found(memory, None)
    assert everything == found(memory, {}) == found(memory, {"message_id": {"ne": None}})
    dog = memory.known("dog", "bob")
    conditions: list[Json] = [
        {"id": dog["id"]},
        {"session_id": "s"},
        {"level": "explicit"},
        {"status": "current"},
        {"observer_id": "bob"},
        {"observed_id": "alice"},
        {"created_at": {"lte": dog["created_at"]}},
        {"said_at": {"gte": dog["said_at"]}},
        {"content": {"icontains": "DOG named"}},
        {"message_id": [told["dog"]]},
    ]
    for condition in conditions:
        assert ("bob", "has a dog named Max") in found(memory, condition), condition
    for left in conditions:
        assert ("bob", "has a dog named Max") in found(memory, {"AND": [left, *conditions]})
        assert found(memory, {"AND": [*conditions, {"NOT": [left]}]}) == set()
    assert found(memory, {"AND": conditions}) == {("bob", "has a dog named Max")}


def test_a_query_can_be_restricted_to_what_rests_on_messages(memory: ReasonedWorkspace, told: dict[str, str]) -> None:
    filters = {"observer_id": "alice", "observed_id": "alice", "message_id": [told["dog"], told["rome"]]}
    matches = memory.ok("POST", "/conclusions/query", {"query": "where does she live", "filters": filters})
    assert [each["message_ids"] for each in matches] == [[told["dog"]]]


def derivation(memory: ReasonedWorkspace, message_id: str, **options: Any) -> Any:
    return memory.ok("GET", f"/sessions/s/messages/{message_id}/conclusions", **options)


def test_a_message_tells_what_was_derived_from_it(memory: ReasonedWorkspace, told: dict[str, str]) -> None:
    found = derivation(memory, told["dog"])
    assert (found["status"], found["reason"], found["job"]) == ("derived", "2 conclusions rest on it.", None)
    assert found["observers"] == ["alice", "bob"]
    assert {each["observer_id"] for each in found["conclusions"]} == {"alice", "bob"}
    assert found["conclusions"][0] == memory.ok("GET", f"/conclusions/{found['conclusions'][0]['id']}")
    ended = derivation(memory, told["rome"])
    assert (ended["status"], [each["status"] for each in ended["conclusions"]]) == ("derived", ["superseded"] * 2)
    assert ended["reason"] == "2 conclusions rest on it; 2 were superseded by a later statement."


def test_a_message_tells_why_nothing_was_derived(memory: ReasonedWorkspace) -> None:
    memory.session("s", peers={"alice": {}, "shy": {"observe_me": False}})
    (hello,) = memory.hear("s", "Hello!")
    (shy,) = memory.hear("s", "I live in Rome.", peer="shy")
    found = derivation(memory, hello)
    assert (found["status"], found["reason"].partition(".")[0]) == ("nothing_found", "It holds only small talk")
    assert (found["conclusions"], found["job"], found["observers"]) == ([], None, ["alice"])
    found = derivation(memory, shy)
    assert (found["status"], found["observers"]) == ("not_observed", [])
    assert found["reason"].startswith("Nobody learns from what shy says: observe_me is false in this session.")


def test_only_messages_of_the_session_have_an_answer(memory: ReasonedWorkspace, told: dict[str, str]) -> None:
    memory.session("t")
    for path in (f"/sessions/t/messages/{told['dog']}", "/sessions/s/messages/unknown", "/sessions/none/messages/x"):
        assert memory.call("GET", f"{path}/conclusions").status_code == 404


def test_a_key_sees_the_conclusions_that_it_may_read(memory: ReasonedWorkspace, told: dict[str, str]) -> None:
    memory.ok("POST", "/sessions/s/peers", {"carol": {}})

    def seen(**limits: Any) -> tuple[str, list[str]]:
        found = derivation(memory, told["dog"], by=Principal(workspace=memory.id, **limits))
        return found["reason"], [each["observer_id"] for each in found["conclusions"]]

    assert seen(peer="bob") == ("1 conclusion rests on it.", ["bob"])
    assert seen(peer="carol") == ("Something was concluded from it that this key may not read.", [])
    assert sorted(seen(session="s")[1]) == ["alice", "bob"]
