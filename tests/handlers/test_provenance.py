"""A conclusion leads back to what was said, and tells its history; to each key as far as it may read."""

from __future__ import annotations

import json

import pytest

from omoide.core.auth import Principal
from tests.handlers.thinking import ReasonedWorkspace


def test_a_conclusion_leads_to_its_messages(memory: ReasonedWorkspace) -> None:
    (first,) = memory.hear("s", "I live in Rome.")
    (second,) = memory.hear("s", "I live in Rome.")
    rome = memory.known("Rome")
    found = memory.sources(rome["id"])
    assert found["conclusion"] == rome
    assert [each["id"] for each in found["messages"]] == [second, first]
    assert found["messages"][-1] == {
        "id": first,
        "content": "I live in Rome.",
        "peer_id": "alice",
        "session_id": "s",
        "created_at": found["messages"][-1]["created_at"],
    }
    assert (found["sources"], found["merged"], found["repeated"], found["truncated"]) == ([], [], False, False)


def test_a_history_tells_what_was_said_again_and_superseded(memory: ReasonedWorkspace) -> None:
    memory.hear("s", "I live in Rome.")
    (again,) = memory.hear("s", "I live in Rome.")
    rome = memory.known("Rome")
    (moved,) = memory.hear("s", "I live in Oslo now.")
    oslo = memory.known("Oslo")
    story = memory.ok("GET", f"/conclusions/{rome['id']}/history")
    assert story == memory.ok("GET", f"/conclusions/{oslo['id']}/history")
    newest, oldest = story["versions"]
    assert newest["conclusion"] == oslo
    assert [(each["kind"], each["message_ids"]) for each in newest["events"]] == [
        ("superseded", [moved]),
        ("stated", [moved]),
    ]
    assert newest["events"][0]["conclusion_ids"] == [rome["id"]]
    assert (oldest["conclusion"]["status"], oldest["conclusion"]["superseded_by"]) == ("superseded", oslo["id"])
    assert [each["kind"] for each in oldest["events"]] == ["said_again", "stated"]
    assert oldest["events"][0]["message_ids"] == [again]
    assert memory.ok("GET", f"/conclusions/{rome['id']}") == oldest["conclusion"], "ended ones can be read by id"


def test_a_correction_by_the_speaker_is_told_apart(memory: ReasonedWorkspace) -> None:
    (first,) = memory.hear("s", "I live in Lisbon.")
    (fixed,) = memory.hear("s", "No, I meant Porto.")
    porto = memory.known("Porto")
    newest, oldest = memory.ok("GET", f"/conclusions/{porto['id']}/history")["versions"]
    assert oldest["conclusion"]["status"] == "invalid"
    assert [(each["kind"], each["message_ids"]) for each in newest["events"]] == [
        ("corrected", [fixed]),
        ("stated", [fixed]),
    ]
    assert [(each["kind"], each["message_ids"]) for each in oldest["events"]] == [("stated", [first])]


def test_a_statement_that_is_said_again_supersedes_by_its_later_message(memory: ReasonedWorkspace) -> None:
    (first,) = memory.hear("s", "I like jazz.")
    (_, again) = memory.hear("s", "I don't like jazz anymore.", "I like jazz.")
    newest = memory.ok("GET", f"/conclusions/{memory.known('jazz')['id']}/history")["versions"][0]
    told = {each["kind"]: each["message_ids"] for each in newest["events"]}
    assert told == {"superseded": [again], "said_again": [again], "stated": [first]}


def test_messages_of_a_deleted_session_are_no_sources(memory: ReasonedWorkspace) -> None:
    memory.hear("s", "I live in Rome.")
    rome = memory.known("Rome")
    memory.ok("DELETE", "/sessions/s")
    for path in ("", "/sources", "/history"):
        assert memory.call("GET", f"/conclusions/{rome['id']}{path}").status_code == 404


@pytest.mark.parametrize("query", ["max_nodes=0", "max_nodes=201", "max_depth=11", "max_depth=-1", "max_nodes=x"])
def test_wrong_bounds_of_a_tree_are_refused(query: str, memory: ReasonedWorkspace) -> None:
    assert memory.call("GET", f"/conclusions/none/sources?{query}").status_code == 422


def test_an_unknown_conclusion_has_neither_sources_nor_history(memory: ReasonedWorkspace) -> None:
    for path in ("sources", "history"):
        assert memory.call("GET", f"/conclusions/none/{path}").status_code == 404


def test_evidence_of_an_answer_names_the_messages(memory: ReasonedWorkspace) -> None:
    (said,) = memory.hear("s", "I live in Rome.")
    answer = memory.ok("POST", "/peers/alice/chat", {"query": "Where does alice live?", "include_evidence": True})
    (rome,) = (each for each in answer["evidence"]["conclusions"] if "Rome" in each["content"])
    assert rome["message_ids"] == [said]


@pytest.mark.parametrize("stream", [False, True])
def test_evidence_of_an_answer_says_what_is_quoted(memory: ReasonedWorkspace, stream: bool) -> None:
    long = "I went to the market this morning and bought apples and pears for the week. " * 8
    memory.hear(
        "s", "The heron nested by the old mill again this spring.", long, "My favourite soup is leek and potato."
    )
    asked = {"query": "What nested by the mill?", "include_evidence": True, "stream": stream}
    text = memory.call("POST", "/peers/alice/chat", asked).text
    evidence = json.loads(text.strip().rsplit("data: ", 1)[-1])["evidence"]
    said = {each["content"]: each["quoted"] for each in evidence["messages"]}
    assert said["The heron nested by the old mill again this spring."]
    assert not said["My favourite soup is leek and potato."]
    assert all(len(each["content"]) <= 400 for each in evidence["messages"])
    assert long[:300] in [each["content"][:300] for each in evidence["messages"]]


# Keys.


@pytest.fixture
def rooms(memory: ReasonedWorkspace) -> ReasonedWorkspace:
    """Bob listens to alice in the rooms r and t; carol only in t."""
    for room, listeners in (("r", ["bob"]), ("t", ["bob", "carol"])):
        peers = {"alice": {}, **{each: {"observe_others": True} for each in listeners}}
        memory.session(room, peers=peers)
    memory.hear("r", "I live in Rome.")
    memory.hear("t", "I live in Oslo now.")
    return memory


def limited(memory: ReasonedWorkspace, peer: str | None = None, session: str | None = None) -> Principal:
    return Principal(workspace=memory.id, peer=peer, session=session)


def test_a_peer_key_sees_what_the_peer_holds(rooms: ReasonedWorkspace) -> None:
    by_bob, by_carol = rooms.known("Oslo", "bob"), rooms.known("Oslo", "carol")
    bob, carol = limited(rooms, "bob"), limited(rooms, "carol")
    assert [content for content, *_ in rooms.versions(by_bob["id"], by=bob)] == [
        "alice lives in Oslo now",
        "alice lives in Rome",
    ]
    assert [content for content, *_ in rooms.versions(by_carol["id"], by=carol)] == ["alice lives in Oslo now"]
    for path in ("sources", "history"):
        hidden = rooms.call("GET", f"/conclusions/{by_bob['id']}/{path}", by=carol)
        unknown = rooms.call("GET", f"/conclusions/none/{path}", by=carol)
        assert hidden.status_code == unknown.status_code == 404
        assert hidden.json()["detail"].replace(by_bob["id"], "none") == unknown.json()["detail"]


def test_a_peer_that_left_sees_no_messages_of_the_session(rooms: ReasonedWorkspace) -> None:
    held = rooms.known("Oslo", "bob")
    bob = limited(rooms, "bob")
    assert [each["content"] for each in rooms.sources(held["id"], by=bob)["messages"]] == ["I live in Oslo now."]
    rooms.ok("DELETE", "/sessions/t/peers", ["bob"])
    found = rooms.sources(held["id"], by=bob)
    assert (found["messages"], found["conclusion"]["message_ids"]) == ([], [])
    story = rooms.ok("GET", f"/conclusions/{held['id']}/history", by=bob)["versions"]
    assert [event["message_ids"] for event in story[0]["events"]] == [[], []]
    assert rooms.sources(held["id"])["messages"] != [], "a workspace's key sees them"


@pytest.mark.parametrize("stream", [False, True])
def test_evidence_for_a_peer_key_names_only_messages_that_it_may_read(rooms: ReasonedWorkspace, stream: bool) -> None:
    bob = limited(rooms, "bob")
    asked = {"query": "Where does alice live?", "target": "alice", "include_evidence": True, "stream": stream}

    def named(by: Principal) -> list[list[str]]:
        text = rooms.call("POST", "/peers/bob/chat", asked, by=by).text
        last = json.loads(text.strip().rsplit("data: ", 1)[-1])
        found = last["evidence"]["conclusions"]
        assert [each["content"] for each in found if "Oslo" in each["content"]] == ["alice lives in Oslo now"]
        return [each["message_ids"] for each in found]

    before = named(bob)
    assert before == named(limited(rooms))
    assert [] not in before
    rooms.ok("DELETE", "/sessions/t/peers", ["bob"])
    assert named(limited(rooms)) == before
    assert named(bob) == [[]]


def test_a_session_key_sees_only_its_session(rooms: ReasonedWorkspace) -> None:
    rome = rooms.versions(rooms.known("Oslo")["id"])
    assert [content for content, *_ in rome] == ["alice lives in Oslo now", "alice lives in Rome"]
    oslo = rooms.known("Oslo")
    in_t, in_r = limited(rooms, session="t"), limited(rooms, session="r")
    assert [content for content, *_ in rooms.versions(oslo["id"], by=in_t)] == ["alice lives in Oslo now"]
    assert rooms.call("GET", f"/conclusions/{oslo['id']}/sources", by=in_r).status_code == 404
    (ended,) = (
        each["conclusion"]["id"]
        for each in rooms.ok("GET", f"/conclusions/{oslo['id']}/history")["versions"]
        if each["conclusion"]["status"] == "superseded"
    )
    found = rooms.sources(ended, by=in_r)
    assert [each["content"] for each in found["messages"]] == ["I live in Rome."]
    assert found["conclusion"]["superseded_by"] is None, "its successor comes from another session"


def test_a_session_key_that_names_a_peer_sees_what_both_may(rooms: ReasonedWorkspace) -> None:
    held = rooms.known("Oslo", "carol")
    assert rooms.sources(held["id"], by=limited(rooms, "carol", "t"))["messages"]
    for other in (limited(rooms, "bob", "t"), limited(rooms, "carol", "r")):
        assert rooms.call("GET", f"/conclusions/{held['id']}/sources", by=other).status_code == 404


# What follows from a conclusion.


def test_a_conclusion_leads_to_what_follows_from_it(memory: ReasonedWorkspace) -> None:
    for room in ("r", "s", "t"):
        memory.session(room)
        memory.hear(room, "I love playing the cello.", "I live in Rome.")
    memory.ok("POST", "/schedule_dream", {"observer": "alice", "observed": "alice", "dream_type": "omni"})
    memory.settle()
    derived = memory.ok("POST", "/conclusions/list", {"filters": {"level": {"ne": "explicit"}}})["items"]
    cited = derived[0]["source_ids"][0]
    found = memory.ok("GET", f"/conclusions/{cited}/consequences")
    assert found["conclusion"]["id"] == cited
    assert derived[0]["id"] in [each["conclusion"]["id"] for each in found["consequences"]]
    assert (found["contradictions"], found["merged_into"], found["truncated"]) == ([], None, False)


def test_card_lines_that_tell_a_conclusion_follow_from_it(memory: ReasonedWorkspace) -> None:
    memory.hear("s", "I live in Rome.", "I have a dog named Max.")
    (line,) = (line for line in memory.ok("GET", "/peers/alice/card")["peer_card"] if "Rome" in line)
    rome = memory.ok("GET", f"/conclusions/{memory.known('Rome')['id']}/consequences")
    assert rome["card_lines"] == [{"observer_id": "alice", "observed_id": "alice", "line": line}]
    dog = memory.ok("GET", f"/conclusions/{memory.known('Max')['id']}/consequences")
    assert [line["line"] for line in dog["card_lines"] if "Rome" in line["line"]] == []


def test_contradictions_that_name_a_conclusion_are_told_apart(memory: ReasonedWorkspace) -> None:
    memory.hear("r", "I was born in Rome.")
    memory.hear("t", "I was born in Oslo.")
    memory.ok("POST", "/schedule_dream", {"observer": "alice", "observed": "alice", "dream_type": "omni"})
    memory.settle()
    found = memory.ok("POST", "/conclusions/list", {"filters": {"level": "contradiction"}})["items"]
    for each in found:
        for source in each["source_ids"]:
            told = memory.ok("GET", f"/conclusions/{source}/consequences")
            assert [one["conclusion"]["id"] for one in told["contradictions"]] == [each["id"]]
    assert found


@pytest.mark.parametrize("query", ["max_nodes=0", "max_nodes=201", "max_depth=11", "max_depth=x"])
def test_wrong_bounds_of_consequences_are_refused(query: str, memory: ReasonedWorkspace) -> None:
    assert memory.call("GET", f"/conclusions/none/consequences?{query}").status_code == 422
    assert memory.call("GET", "/conclusions/none/consequences").status_code == 404
