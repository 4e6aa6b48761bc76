"""Cards, representations and contexts over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from omoide.core.records import Summary
from omoide.inference.tokens import TokenCounter
from omoide.storage import Store, summaries
from omoide.storage import sessions as store_sessions
from omoide.storage.summaries import LONG, SHORT
from tests.postgresql import open_store
from tests.server_process import Server

Fresh = Callable[[str], str]


@pytest.fixture
def ws(http: httpx.Client, fresh: Fresh) -> str:
    path = f"/v3/workspaces/{fresh('context')}"
    for session in ("s", "t"):
        http.post(f"{path}/sessions", json={"id": session, "peers": {"alice": {}, "bob": {}}}).raise_for_status()
    return path


@pytest.fixture
def store(server: Server) -> Iterator[Store]:
    """The running server's database, to insert rows that only jobs write."""
    opened = open_store(server.db)
    yield opened
    opened.close()


def conclude(http: httpx.Client, ws: str, *contents: str, observed: str = "alice", session: str | None = None) -> None:
    pair = {"observer_id": "alice", "observed_id": observed, "session_id": session}
    body = {"conclusions": [{"content": content, **pair} for content in contents]}
    http.post(f"{ws}/conclusions", json=body).raise_for_status()


def representation(http: httpx.Client, ws: str, peer: str = "alice", **body: object) -> str:
    response = http.post(f"{ws}/peers/{peer}/representation", json=body)
    assert response.status_code == 200, response.text
    return str(response.json()["representation"])


def lines(text: str) -> list[str]:
    return [line.partition("] ")[2] for line in text.splitlines() if line.startswith("[")]


# Cards


def test_a_card_is_null_until_it_is_written(http: httpx.Client, ws: str) -> None:
    card = f"{ws}/peers/alice/card"
    assert http.get(card).json() == {"peer_card": None}
    written = {"peer_card": ["IDENTITY: Alice", "no prefix needed", "a\0b"]}
    assert http.put(card, json=written).json() == {"peer_card": ["IDENTITY: Alice", "no prefix needed", "ab"]}
    assert http.put(card, json={"peer_card": []}).json() == http.get(card).json() == {"peer_card": []}


def test_cards_are_kept_by_observer_and_target(http: httpx.Client, ws: str) -> None:
    http.put(f"{ws}/peers/alice/card?target=bob", json={"peer_card": ["of bob"]})
    assert http.get(f"{ws}/peers/alice/card?target=bob").json() == {"peer_card": ["of bob"]}
    assert http.get(f"{ws}/peers/alice/card").json() == http.get(f"{ws}/peers/bob/card").json() == {"peer_card": None}


def test_reading_a_card_requires_its_observer_and_writing_creates_it(http: httpx.Client, ws: str) -> None:
    assert http.get(f"{ws}/peers/carol/card").status_code == 404
    assert http.put(f"{ws}/peers/carol/card?target=unknown", json={"peer_card": ["x"]}).status_code == 200
    assert http.get(f"{ws}/peers/carol/card?target=unknown").json() == {"peer_card": ["x"]}


@pytest.mark.parametrize("body", [{}, {"peer_card": None}, {"peer_card": "x"}, {"peer_card": [1]}])
def test_a_card_is_a_list_of_texts(body: object, http: httpx.Client, ws: str) -> None:
    assert http.put(f"{ws}/peers/alice/card", json=body).status_code == 422


# Representation


def test_of_equal_worth_the_newest_conclusions_come_first(http: httpx.Client, ws: str) -> None:
    for number in range(30):
        conclude(http, ws, f"fact {number}")
    assert lines(representation(http, ws)) == [f"fact {n}" for n in range(29, 4, -1)]
    assert lines(representation(http, ws, max_conclusions=2)) == ["fact 29", "fact 28"]
    assert len(lines(representation(http, ws, max_conclusions=None))) == 30


def test_a_representation_tells_what_is_worth_most_of_every_topic_first(http: httpx.Client, ws: str) -> None:
    conclude(http, ws, "alice is allergic to penicillin", "alice lives in Lisbon", "alice's daughter is Emma")
    conclude(http, ws, *(f"alice waited {n} minutes at the counter" for n in range(20)))
    conclude(http, ws, *(f"alice likes the song number {n}" for n in range(20)))
    first = lines(representation(http, ws, max_conclusions=6))
    assert {"alice is allergic to penicillin", "alice lives in Lisbon", "alice's daughter is Emma"} <= {*first}


def test_what_was_said_again_is_one_line_with_a_count(http: httpx.Client, ws: str) -> None:
    conclude(http, ws, *["alice likes tea."] * 29, session="s")
    conclude(http, ws, *["Alice likes tea"] * 30, session="t")
    conclude(http, ws, "alice likes tea", "alice lives in Lisbon")
    assert lines(representation(http, ws)) == ["alice likes tea (60 times)", "alice lives in Lisbon"]
    assert lines(representation(http, ws, session_id="s")) == ["alice likes tea. (29 times)"]
    assert lines(representation(http, ws, search_query="tea", search_top_k=1))[0] == "alice likes tea (60 times)"


def test_new_and_removed_conclusions_change_the_next_representation(http: httpx.Client, ws: str) -> None:
    conclude(http, ws, "alice lives in Lisbon", session="s")
    assert lines(representation(http, ws)) == ["alice lives in Lisbon"]
    conclude(http, ws, "alice's dog is Rex", session="t")
    assert sorted(lines(representation(http, ws))) == ["alice lives in Lisbon", "alice's dog is Rex"]
    http.delete(f"{ws}/sessions/s")
    assert lines(representation(http, ws)) == ["alice's dog is Rex"]


def test_a_representation_is_of_the_pair_alone(http: httpx.Client, ws: str) -> None:
    conclude(http, ws, "about bob", observed="bob")
    assert lines(representation(http, ws, target="bob")) == ["about bob"]
    assert representation(http, ws) == representation(http, ws, "bob") == ""


@pytest.mark.parametrize(
    ("restriction", "found"),
    [
        ({}, ["in no session", "in s", "in t"]),
        ({"session_id": "s"}, ["in s"]),
        ({"session_id": "unknown"}, []),
        ({"filters": {"session_id": ["s", "t"]}}, ["in s", "in t"]),
        ({"filters": {"session_id": {"in": ["t"]}}}, ["in t"]),
        ({"filters": {"session_id": []}}, []),
        ({"filters": {"session_id": ["s", "t"]}, "session_id": "t"}, ["in t"]),
    ],
)
def test_a_restriction_keeps_only_conclusions_from_these_sessions(
    restriction: dict[str, Any], found: list[str], http: httpx.Client, ws: str
) -> None:
    conclude(http, ws, "in no session")
    conclude(http, ws, "in s", session="s")
    conclude(http, ws, "in t", session="t")
    assert sorted(lines(representation(http, ws, **restriction))) == found


@pytest.mark.parametrize(
    "body",
    [
        {"session_id": "x", "filters": {"session_id": ["s"]}},
        {"filters": {"peer_id": "alice"}},
        {"scope": [], "target": "bob"},
        {"scope": "x", "session_id": "s"},
        {"scope": ["x"], "filters": {"session_id": "s"}},
        {"max_conclusions": 0},
        {"max_conclusions": 101},
        {"search_top_k": 0},
        {"search_max_distance": 1.1},
        {"target": "scope.x"},
    ],
)
def test_conflicting_options_are_refused(body: object, http: httpx.Client, ws: str) -> None:
    assert http.post(f"{ws}/peers/alice/representation", json=body).status_code == 422


def test_nothing_is_known_about_an_unknown_peer(http: httpx.Client, ws: str) -> None:
    assert representation(http, ws, "nobody") == representation(http, ws, target="nobody") == ""
    assert representation(http, "/v3/workspaces/nowhere") == ""


def test_a_search_query_selects_conclusions_near_it(http: httpx.Client, ws: str) -> None:
    conclude(http, ws, "alice plays the cello")
    conclude(http, ws, *(f"alice bought {n} apples" for n in range(40)))
    assert lines(representation(http, ws, search_query="cello", max_conclusions=3))[0] == "alice plays the cello"


def test_a_blank_query_is_as_none(http: httpx.Client, ws: str) -> None:
    conclude(http, ws, *(f"alice waited at counter {n}" for n in range(9)))
    assert representation(http, ws, search_query="  ") == representation(http, ws)


def test_after_a_search_only_what_is_worth_telling_anyway_fills_up(http: httpx.Client, ws: str) -> None:
    conclude(http, ws, "alice plays the cello", "alice's cello is from Prague", "alice is allergic to nuts")
    conclude(http, ws, *(f"alice waited at counter {n}" for n in range(40)))
    found = lines(representation(http, ws, search_query="cello", search_top_k=2, max_conclusions=9))
    assert {*found[:2]} == {"alice plays the cello", "alice's cello is from Prague"}
    assert found[2:] == ["alice is allergic to nuts"]


# Peer context


def test_a_peers_context_is_representation_and_card(http: httpx.Client, ws: str) -> None:
    conclude(http, ws, "likes tea", observed="bob")
    http.put(f"{ws}/peers/alice/card?target=bob", json={"peer_card": ["card of bob"]})
    found = http.get(f"{ws}/peers/alice/context?target=bob").json()
    assert (found["peer_id"], found["target_id"], found["peer_card"]) == ("alice", "bob", ["card of bob"])
    assert lines(found["representation"]) == ["likes tea"]
    empty = {"peer_id": "alice", "target_id": "unknown", "representation": "", "peer_card": None}
    assert http.get(f"{ws}/peers/alice/context?target=unknown").json() == empty


def test_a_context_of_an_unknown_peer_is_not_found(http: httpx.Client, ws: str) -> None:
    assert http.get(f"{ws}/peers/nobody/context").status_code == 404
    assert http.get(f"{ws}/peers/alice/context?target=scope.x").status_code == 422


# Session context


def say(http: httpx.Client, ws: str, *contents: str) -> list[dict[str, Any]]:
    body = {"messages": [{"peer_id": "alice", "content": content} for content in contents]}
    return list(http.post(f"{ws}/sessions/s/messages", json=body).json())


def context(http: httpx.Client, ws: str, session: str = "s", **query: Any) -> dict[str, Any]:
    response = http.get(f"{ws}/sessions/{session}/context", params=query)
    assert response.status_code == 200, response.text
    return dict(response.json())


def test_a_session_context_is_its_messages_within_the_budget(http: httpx.Client, ws: str) -> None:
    said = say(http, ws, "one two three", "four five", "six")
    assert context(http, ws) == {
        "id": "s",
        "messages": said,
        "summary": None,
        "peer_representation": None,
        "peer_card": None,
    }
    newest = said[2]["token_count"]
    assert context(http, ws, tokens=newest + said[1]["token_count"])["messages"] == said[1:]
    assert context(http, ws, tokens=0)["messages"] == context(http, ws, tokens=-5)["messages"] == []
    assert context(http, ws, "unknown")["messages"] == []
    parts = ("messages", "summary", "peer_representation", "peer_card", "total")
    assert context(http, ws, tokens=-5, costs=True)["costs"] == {**dict.fromkeys(parts, 0), "budget": 0}
    assert context(http, ws, costs=True)["costs"]["budget"] == 100_000


def test_a_newest_message_that_is_too_long_is_truncated(http: httpx.Client, ws: str) -> None:
    say(http, ws, "one two three four five six seven")
    (cut,) = context(http, ws, tokens=3)["messages"]
    assert (cut["content"], cut["token_count"]) == ("one two three", 3)


def test_representation_and_card_of_a_target_precede_messages(http: httpx.Client, ws: str) -> None:
    say(http, ws, "hello")
    conclude(http, ws, "alice likes tea")
    http.put(f"{ws}/peers/alice/card", json={"peer_card": ["IDENTITY: Alice"]})
    found = context(http, ws, peer_target="alice")
    assert lines(found["peer_representation"]) == ["alice likes tea"]
    assert (found["peer_card"], len(found["messages"])) == (["IDENTITY: Alice"], 1)
    starved = context(http, ws, peer_target="alice", tokens=3)
    assert (starved["messages"], starved["peer_representation"]) == (found["messages"], "")
    empty = context(http, ws, peer_target="alice", tokens=0)
    assert (empty["messages"], empty["peer_representation"], empty["peer_card"]) == ([], "", None)


def test_all_parts_of_a_context_share_its_budget(http: httpx.Client, ws: str, store: Store) -> None:
    without_summaries(http, ws)
    said = say(http, ws, *(f"message {n} about the harbour office and its prices" for n in range(20)))
    put_summary(store, ws, SHORT, said[-1], 20, 30)
    conclude(http, ws, *(f"alice keeps item number {n} in the cupboard of room {n * 7}" for n in range(50)))
    card = [f"ATTRIBUTE: has a cupboard in room {n}" for n in range(40)]
    http.put(f"{ws}/peers/alice/card", json={"peer_card": card})
    tokens = TokenCounter()
    for budget in (1, 2, 10, 60, 100, 300, 1_000, 3_000):
        found = context(http, ws, peer_target="alice", tokens=budget, costs=True)
        assert found["messages"][-1]["id"] == said[-1]["id"]
        lines_of_card = found["peer_card"] or []
        costs = {
            "messages": sum(each["token_count"] for each in found["messages"]),
            "summary": found["summary"]["token_count"] if found["summary"] else 0,
            "peer_representation": tokens.count(found["peer_representation"]),
            "peer_card": sum(map(tokens.count, lines_of_card)),
        }
        assert sum(costs.values()) <= budget
        assert found.pop("costs") == {**costs, "total": sum(costs.values()), "budget": budget}
        assert found == context(http, ws, peer_target="alice", tokens=budget)
        assert lines_of_card == card[: len(lines_of_card)]
        if budget >= 300:
            assert len(lines(found["peer_representation"])) >= 1 <= len(lines_of_card)


def test_what_messages_leave_of_the_budget_goes_to_what_is_known(http: httpx.Client, ws: str) -> None:
    say(http, ws, "hello")
    conclude(http, ws, *(f"alice keeps item number {n} in the cupboard of room {n * 7}" for n in range(10)))
    found = context(http, ws, peer_target="alice", tokens=350)
    assert len(lines(found["peer_representation"])) == 10


def test_a_perspective_selects_the_observer(http: httpx.Client, ws: str) -> None:
    conclude(http, ws, "what alice knows of bob", observed="bob")
    seen = context(http, ws, peer_target="bob", peer_perspective="alice")
    assert lines(seen["peer_representation"]) == ["what alice knows of bob"]
    assert context(http, ws, peer_target="bob")["peer_representation"] == ""


def test_a_restricted_context_has_no_card(http: httpx.Client, ws: str) -> None:
    http.put(f"{ws}/peers/alice/card", json={"peer_card": ["IDENTITY: Alice"]})
    conclude(http, ws, "in s", session="s")
    conclude(http, ws, "in t", session="t")
    for query in ({"limit_to_session": True}, {"sessions": ["s"]}):
        found = context(http, ws, peer_target="alice", **query)
        assert (lines(found["peer_representation"]), found["peer_card"]) == (["in s"], None)
    both = context(http, ws, peer_target="alice", sessions=["s", "t"])
    assert sorted(lines(both["peer_representation"])) == ["in s", "in t"]


@pytest.mark.parametrize(
    "query",
    [
        "tokens=100001",
        "peer_perspective=alice",
        "scope=x",
        "sessions=s",
        "peer_target=alice&sessions=t",
        "peer_target=alice&sessions=s&limit_to_session=true",
        "peer_target=alice&scope=x&peer_perspective=bob",
        "peer_target=alice&scope=x&sessions=s",
        "peer_target=alice&max_conclusions=0",
        "peer_target=scope.x",
    ],
)
def test_conflicting_context_options_are_refused(query: str, http: httpx.Client, ws: str) -> None:
    assert http.get(f"{ws}/sessions/s/context?{query}").status_code == 422


def test_an_unknown_target_is_not_found_unless_restricted(http: httpx.Client, ws: str) -> None:
    assert http.get(f"{ws}/sessions/s/context?peer_target=nobody").status_code == 404
    found = context(http, ws, peer_target="nobody", limit_to_session=True)
    assert (found["peer_representation"], found["peer_card"]) == ("", None)


def without_summaries(http: httpx.Client, ws: str) -> None:
    """Have the worker make none, so that only those of `put_summary` are there."""
    http.put(ws, json={"configuration": {"summary": {"enabled": False}}}).raise_for_status()


def put_summary(store: Store, ws: str, kind: str, covers: dict[str, Any], seq: int, tokens: int) -> None:
    async def put() -> None:
        session = (await store.read(store_sessions.get, ws.rpartition("/")[2], "s")).pk
        summary = Summary(f"{kind} text", covers["id"], seq, kind, 0, tokens)
        await store.write(summaries.put, session, summary, 1_800_000_000_000_000)

    asyncio.run(put())


def test_a_summary_takes_its_share_and_messages_continue_after_it(http: httpx.Client, ws: str, store: Store) -> None:
    without_summaries(http, ws)
    said = say(http, ws, *(f"message {n}" for n in range(22)))
    put_summary(store, ws, SHORT, said[19], 20, 10)
    put_summary(store, ws, LONG, said[19], 20, 30)
    rich = context(http, ws, tokens=1_000)
    assert (rich["summary"]["content"], rich["messages"]) == (f"{LONG} text", said[19:])
    assert context(http, ws, tokens=50)["summary"]["content"] == f"{SHORT} text"
    assert context(http, ws, tokens=20)["summary"] is None
    assert context(http, ws, summary=False) == {**context(http, ws, summary=False), "summary": None, "messages": said}


def test_beside_a_summary_made_in_between_messages_start_at_its_interval(
    http: httpx.Client, ws: str, store: Store
) -> None:
    without_summaries(http, ws)
    said = say(http, ws, *(f"message {n}" for n in range(27)))
    put_summary(store, ws, SHORT, said[26], 27, 10)
    assert context(http, ws)["messages"] == said[19:]


def test_summaries_are_shown_by_kind(http: httpx.Client, ws: str, store: Store) -> None:
    empty = {"id": "s", "short_summary": None, "long_summary": None}
    assert http.get(f"{ws}/sessions/s/summaries").json() == empty
    (said,) = say(http, ws, "hello")
    put_summary(store, ws, SHORT, said, 1, 7)
    assert http.get(f"{ws}/sessions/s/summaries").json() == {
        **empty,
        "short_summary": {
            "content": f"{SHORT} text",
            "message_id": said["id"],
            "summary_type": SHORT,
            "created_at": "2027-01-15T08:00:00Z",
            "token_count": 7,
        },
    }
