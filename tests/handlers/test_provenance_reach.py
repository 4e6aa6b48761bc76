"""Whatever a limited key is told about sources and histories, it may read otherwise: tried on random memberships."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from omoide.core.auth import Principal
from tests.handlers.thinking import ReasonedWorkspace

SEED = 20261130
PEERS = ("alice", "bob", "carol")
ROOMS = ("r", "t", "u")
STEPS = 24
STATEMENTS = ("I live in {}.", "I moved to {}.", "I love {}.", "I don't like {} anymore.", "No, I meant {}.")
THINGS = ("Rome", "Oslo", "tea", "jazz")


def fill(memory: ReasonedWorkspace, chance: random.Random) -> None:
    """Let peers come, go and speak at random, correct some conclusions, and dream."""
    for room in ROOMS:
        memory.session(room, peers={peer: {"observe_others": True} for peer in PEERS})
    for _ in range(STEPS):
        room, peer = chance.choice(ROOMS), chance.choice(PEERS)
        change = chance.random()
        if change < 0.25:
            memory.ok("DELETE", f"/sessions/{room}/peers", [peer])
        elif change < 0.4:
            memory.ok("POST", f"/sessions/{room}/peers", {peer: {"observe_others": True}})
        else:
            memory.say(room, chance.choice(STATEMENTS).format(chance.choice(THINGS)), peer=peer)
    memory.settle()
    for observer in PEERS:
        memory.ok("POST", "/schedule_dream", {"observer": observer, "observed": "alice", "dream_type": "omni"})
    memory.settle()
    for known in chance.sample(conclusions(memory), 4):
        content = f"{known['observed_id']} lives in Bonn"
        memory.call("PATCH", f"/conclusions/{known['id']}", {"content": content, "reason": "She told us."})


def conclusions(memory: ReasonedWorkspace) -> list[Any]:
    page = memory.ok("POST", "/conclusions/list?size=100", {"filters": {"status": "*"}})
    assert page["pages"] == 1
    return list(page["items"])


def named(answer: Any) -> Iterator[tuple[str, str]]:
    """Kind and id of every message and conclusion that an answer names, at any depth."""
    if isinstance(answer, list):
        for each in answer:
            yield from named(each)
    elif isinstance(answer, dict):
        yield from (("message", id) for id in answer.get("message_ids") or ())
        for key in ("conclusion_ids", "source_ids"):
            yield from (("conclusion", id) for id in answer.get(key) or ())
        if answer.get("superseded_by"):
            yield "conclusion", answer["superseded_by"]
        if "id" in answer:
            yield ("conclusion" if "observer_id" in answer else "message"), answer["id"]
        for each in answer.values():
            yield from named(each)


def readable(memory: ReasonedWorkspace, by: Principal, known: list[Any]) -> set[tuple[str, str]]:
    """What the key reads in lists of messages, and of conclusions what is documented."""
    found: set[tuple[str, str]] = set()
    for room in ROOMS:
        page = memory.call("POST", f"/sessions/{room}/messages/list?size=100", {}, by=by)
        if page.is_success:
            found |= {("message", each["id"]) for each in page.json()["items"]}
    for each in known:
        is_own = by.peer in (None, each["observer_id"])
        is_here = by.session is None or (each["session_id"] == by.session and each["level"] == "explicit")
        if is_own and is_here:
            found.add(("conclusion", each["id"]))
    return found


def test_a_limited_key_is_told_of_nothing_that_it_may_not_read(memory: ReasonedWorkspace) -> None:
    fill(memory, random.Random(SEED))
    known = conclusions(memory)
    keys = [Principal(workspace=memory.id, peer=peer, session=room)
            for peer in (None, *PEERS) for room in (None, *ROOMS) if peer or room]  # fmt: skip
    told = recalled_names = 0
    for by in keys:
        allowed = readable(memory, by, known)
        for each in known:
            for path in ("sources", "history", "consequences"):
                answer = memory.call("GET", f"/conclusions/{each['id']}/{path}", by=by)
                assert answer.is_success == (("conclusion", each["id"]) in allowed), (by, each)
                if answer.is_success:
                    names = {*named(answer.json())}
                    told += len(names)
                    assert names <= allowed, (by, path, each["content"])
        for about in (None, *PEERS):
            recalled = memory.ok("POST", "/recall", {"query": "Oslo", "peer_id": about, "max_tokens": 4_000}, by=by)
            names = {*named([recalled["conclusions"], recalled["messages"]])}
            names |= {("message", each["message_id"]) for each in recalled["changes"]}
            assert names <= allowed, (by, about)
            contents = {each["content"] for each in known if ("conclusion", each["id"]) in allowed}
            assert {each["content"] for each in recalled["changes"]} <= {*contents, None}
            recalled_names += len(names)
        for room in ROOMS:
            page = memory.call("POST", f"/sessions/{room}/messages/list?size=100", {}, by=by)
            for said in page.json()["items"] if page.is_success else []:
                answer = memory.ok("GET", f"/sessions/{room}/messages/{said['id']}/conclusions", by=by)
                assert {*named(answer)} <= allowed, (by, said)
    assert told > len(known)
    assert recalled_names > len(known)
