"""The conclusions that rest on messages are found by the ids of the messages."""

from __future__ import annotations

from typing import Any

import pytest

from tests.handlers.thinking import Memory

Json = dict[str, Any]


@pytest.fixture
def told(memory: Memory) -> dict[str, str]:
    """What alice said while bob listened, with the ids of the messages."""
    memory.session("s", peers={"alice": {}, "bob": {"observe_others": True}})
    rome, dog = memory.hear("s", "I live in Rome.", "I have a dog named Max.")
    (oslo,) = memory.hear("s", "I live in Oslo now.")
    return {"rome": rome, "dog": dog, "oslo": oslo}


def found(memory: Memory, filters: Json | None) -> set[tuple[str, str]]:
    page = memory.ok("POST", "/conclusions/list", {"filters": filters})
    assert page["total"] == len(page["items"])
    return {(each["observer_id"], each["content"].removeprefix("alice ")) for each in page["items"]}


def test_conclusions_are_listed_by_their_messages_for_every_observer(memory: Memory, told: dict[str, str]) -> None:
    assert found(memory, {"message_id": told["oslo"]}) == {(peer, "lives in Oslo now") for peer in ("alice", "bob")}
    current = {"lives in Oslo now", "has a dog named Max"}
    assert found(memory, {"message_id": [*told.values()]}) == {
        (peer, text) for peer in ("alice", "bob") for text in current
    }
    ended = found(memory, {"message_id": {"in": [told["rome"]]}, "status": "*"})
    assert ended == {(peer, "lives in Rome") for peer in ("alice", "bob")}
    assert found(memory, {"message_id": told["rome"]}) == set(), "it is no longer current"
    assert found(memory, {"message_id": "unknown"}) == set()


def test_conditions_on_conclusions_can_be_combined(memory: Memory, told: dict[str, str]) -> None:
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


def test_a_query_can_be_restricted_to_what_rests_on_messages(memory: Memory, told: dict[str, str]) -> None:
    filters = {"observer_id": "alice", "observed_id": "alice", "message_id": [told["dog"], told["rome"]]}
    matches = memory.ok("POST", "/conclusions/query", {"query": "where does she live", "filters": filters})
    assert [each["message_ids"] for each in matches] == [[told["dog"]]]
