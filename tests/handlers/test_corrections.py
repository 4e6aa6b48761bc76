"""A caller's correction takes the place of what was never true; what rests on it follows."""

from __future__ import annotations

from typing import Any

import pytest

from tests.handlers.thinking import ReasonedWorkspace
from tests.handlers.workspace import until


def correct(memory: ReasonedWorkspace, id: str, content: str, reason: str | None = None) -> Any:
    return memory.ok("PATCH", f"/conclusions/{id}", {"content": content, "reason": reason})


def lives(memory: ReasonedWorkspace, city: str = "Lisbon") -> Any:
    memory.hear("s", f"I live in {city}.")
    return memory.known(city)


def texts(memory: ReasonedWorkspace, **filters: Any) -> list[str]:
    listed = memory.ok("POST", "/conclusions/list", {"filters": filters})["items"]
    return sorted(each["content"] for each in listed)


def card(memory: ReasonedWorkspace) -> str:
    return "\n".join(memory.ok("GET", "/peers/alice/card")["peer_card"] or [])


def test_a_correction_is_a_new_version_with_the_same_messages(memory: ReasonedWorkspace) -> None:
    old = lives(memory)
    new = correct(memory, old["id"], "alice lives in Porto", "A slip of the tongue.")
    assert new["id"] != old["id"]
    same = ("observer_id", "observed_id", "session_id", "level", "message_ids")
    assert {name: new[name] for name in same} == {name: old[name] for name in same}
    assert (new["content"], new["status"]) == ("alice lives in Porto", "current")
    assert new["said_at"] == new["created_at"] > old["created_at"]
    ended = memory.ok("GET", f"/conclusions/{old['id']}")
    assert (ended["status"], ended["superseded_by"], ended["ended_at"]) == ("invalid", new["id"], new["created_at"])
    assert texts(memory) == ["alice lives in Porto"]
    sources = memory.sources(new["id"])
    assert [each["content"] for each in sources["messages"]] == ["I live in Lisbon."]
    newest, oldest = memory.ok("GET", f"/conclusions/{old['id']}/history")["versions"]
    (event,) = newest["events"]
    assert (event["kind"], event["reason"], event["message_ids"]) == ("corrected", "A slip of the tongue.", [])
    assert event["conclusion_ids"] == [old["id"]]
    assert [each["kind"] for each in oldest["events"]] == ["stated"]


def test_a_correction_is_found_by_words_and_meaning_and_is_in_the_representation(memory: ReasonedWorkspace) -> None:
    correct(memory, lives(memory)["id"], "alice lives in Porto")
    pair = {"observer_id": "alice", "observed_id": "alice"}
    (found,) = memory.ok("POST", "/conclusions/query", {"query": "where does she live", "filters": pair})
    assert found["content"] == "alice lives in Porto"
    representation = memory.ok("POST", "/peers/alice/representation", {})["representation"]
    assert "Porto" in representation
    assert "Lisbon" not in representation


def test_the_card_follows_a_correction(memory: ReasonedWorkspace) -> None:
    old = lives(memory)
    until(lambda: "Lisbon" in card(memory))
    correct(memory, old["id"], "alice lives in Porto")
    assert "Lisbon" not in card(memory)
    until(lambda: "Porto" in card(memory))
    assert "Lisbon" not in card(memory)


def test_saying_it_again_later_counts(memory: ReasonedWorkspace) -> None:
    new = correct(memory, lives(memory)["id"], "alice lives in Porto")
    again = lives(memory)
    assert memory.ok("GET", f"/conclusions/{new['id']}")["superseded_by"] == again["id"]
    assert [content for content, *_ in memory.versions(again["id"])] == [
        "alice lives in Lisbon",
        "alice lives in Porto",
        "alice lives in Lisbon",
    ]


def test_an_older_message_that_is_imported_later_does_not_undo_a_correction(memory: ReasonedWorkspace) -> None:
    correct(memory, lives(memory)["id"], "alice lives in Porto")
    old = {"peer_id": "alice", "content": "I live in Lisbon.", "created_at": "2020-01-01T00:00:00Z"}
    for session in ("s", "t"):
        memory.ok("POST", f"/sessions/{session}/messages", {"messages": [old]})
    memory.settle()
    assert texts(memory) == ["alice lives in Porto"]


def test_the_same_statement_from_another_session_is_corrected_too(memory: ReasonedWorkspace) -> None:
    memory.hear("t", "I live in Lisbon.")
    memory.hear("s", "I live in Lisbon.")
    first, second = (memory.ok("POST", "/conclusions/list", {"filters": {"session_id": s}})["items"][0] for s in "st")
    new = correct(memory, first["id"], "alice lives in Porto")
    assert texts(memory) == ["alice lives in Porto"] * 2
    assert new["session_id"] == "s"
    memory.ok("DELETE", "/sessions/s")
    assert texts(memory) == ["alice lives in Porto"], "the other session's is still corrected"
    assert memory.ok("GET", f"/conclusions/{second['id']}")["status"] == "invalid"


def test_copies_in_scopes_are_corrected_too(memory: ReasonedWorkspace) -> None:
    old = lives(memory)
    memory.ok("POST", "/scopes", {"id": "home"})
    memory.ok("POST", "/scopes/home/sessions", {"session_ids": ["s"]})
    memory.settle()
    until(lambda: len(texts(memory)) == 2)
    correct(memory, old["id"], "alice lives in Porto")
    assert texts(memory) == ["alice lives in Porto"] * 2
    asked = {"scope": "home"}
    assert "Porto" in memory.ok("POST", "/peers/alice/representation", asked)["representation"]


def test_only_a_current_conclusion_can_be_corrected(memory: ReasonedWorkspace) -> None:
    old = lives(memory)
    new = correct(memory, old["id"], "alice lives in Porto")
    answer = memory.call("PATCH", f"/conclusions/{old['id']}", {"content": "alice lives in Faro"})
    assert (answer.status_code, "is invalid" in answer.json()["detail"]) == (409, True)
    assert memory.call("PATCH", "/conclusions/none", {"content": "x"}).status_code == 404
    memory.ok("DELETE", f"/conclusions/{new['id']}")
    for id in (old["id"], new["id"]):
        assert memory.call("PATCH", f"/conclusions/{id}", {"content": "x"}).status_code == 404


@pytest.mark.parametrize("content", ["", " \n", "\x00", "x" * 65_536, "word " * 8_193, None, 7, ["x"]])
def test_a_correction_needs_a_text_of_limited_length(content: Any, memory: ReasonedWorkspace) -> None:
    old = lives(memory)
    answer = memory.call("PATCH", f"/conclusions/{old['id']}", {"content": content})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "content"]
    assert texts(memory) == [old["content"]]


def test_a_correction_by_the_same_text_changes_nothing(memory: ReasonedWorkspace) -> None:
    old = lives(memory)
    assert correct(memory, old["id"], old["content"]) == old
    spelled = correct(memory, old["id"], "Alice lives in Lisbon.")
    assert (spelled["content"], spelled["id"] != old["id"]) == ("Alice lives in Lisbon.", True)


def test_a_correction_keeps_what_was_superseded_before(memory: ReasonedWorkspace) -> None:
    madrid = lives(memory, "Madrid")
    lisbon = lives(memory)
    porto = correct(memory, lisbon["id"], "alice lives in Porto")
    assert memory.ok("GET", f"/conclusions/{madrid['id']}")["status"] == "superseded"
    assert texts(memory) == ["alice lives in Porto"]
    assert [status for _, status, _ in memory.versions(porto["id"])] == ["current", "invalid", "superseded"]


def test_what_a_wrong_statement_superseded_is_current_again(memory: ReasonedWorkspace) -> None:
    lives(memory, "Madrid")
    lisbon = lives(memory)
    correct(memory, lisbon["id"], "alice's mother lives in Lisbon")
    assert texts(memory) == ["alice lives in Madrid", "alice's mother lives in Lisbon"]
    assert memory.known("Madrid")["valid_until"] is None


def test_a_conclusion_that_rests_on_a_corrected_one_is_deleted(memory: ReasonedWorkspace) -> None:
    memory.hear("s", *(f"I live in Lisbon with {number} cats." for number in (2,)), "I work at Siemens in Lisbon.")
    memory.ok("POST", "/schedule_dream", {"observer": "alice", "dream_type": "omni"})
    memory.settle()
    derived = memory.ok("POST", "/conclusions/list", {"filters": {"level": {"ne": "explicit"}}})["items"]
    for each in derived:
        for source in each["source_ids"][:1]:
            found = memory.ok("GET", f"/conclusions/{source}")
            if found["status"] == "current":
                correct(memory, source, "alice keeps bees")
                assert memory.call("GET", f"/conclusions/{each['id']}").status_code == 404


def conclude(memory: ReasonedWorkspace, *contents: str, **fields: Any) -> list[Any]:
    pair = {"observer_id": "alice", "observed_id": "alice", **fields}
    return list(memory.ok("POST", "/conclusions", {"conclusions": [{"content": each, **pair} for each in contents]}))


def test_a_conclusion_of_a_caller_supersedes_and_is_superseded(memory: ReasonedWorkspace) -> None:
    old = lives(memory)
    (new,) = conclude(memory, "alice lives in Porto")
    assert memory.ok("GET", f"/conclusions/{old['id']}")["superseded_by"] == new["id"]
    assert [status for _, status, _ in memory.versions(new["id"])] == ["current", "superseded"]
    assert texts(memory) == ["alice lives in Porto"]
    until(lambda: "Porto" in card(memory))
    assert "Lisbon" not in card(memory)
    newest = lives(memory, "Oslo")
    assert memory.ok("GET", f"/conclusions/{new['id']}")["superseded_by"] == newest["id"]


def test_conclusions_that_a_caller_writes_together_do_not_end_each_other(memory: ReasonedWorkspace) -> None:
    lives(memory)
    made = conclude(memory, "alice lives in Porto", "alice lives in Faro")
    assert [each["status"] for each in made] == ["current", "current"]
    assert texts(memory) == ["alice lives in Faro", "alice lives in Porto"]


def test_a_conclusion_that_held_only_in_the_past_supersedes_nothing(memory: ReasonedWorkspace) -> None:
    lives(memory)
    conclude(memory, "alice lives in Porto", valid_from="2010-01-01T00:00:00Z", valid_until="2012-01-01T00:00:00Z")
    assert texts(memory) == ["alice lives in Lisbon", "alice lives in Porto"]
