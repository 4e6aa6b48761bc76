"""What was just written is found in the next call, by other words than its own."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from omoide.asgi.app import create_app
from omoide.core.settings import Settings
from tests.postgresql import located

W = "/v3/workspaces/w"
PAIR = {"observer_id": "ana", "observed_id": "bob"}
THINGS = [
    *(("car", "automobile"), ("doctor", "physician"), ("couch", "sofa"), ("puppy", "young dog"), ("film", "movie")),
    *(("kitten", "baby cat"), ("bicycle", "bike"), ("flat", "apartment"), ("plane", "aircraft"), ("ship", "boat")),
    *(
        ("photo", "picture"),
        ("jacket", "coat"),
        ("phone", "mobile"),
        ("laptop", "notebook computer"),
        ("hen", "chicken"),
    ),
    *(("novel", "fiction book"), ("garden", "backyard"), ("lamp", "light"), ("rug", "carpet"), ("stove", "oven")),
    *(("present", "gift"), ("infant", "baby"), ("cash", "money"), ("soccer", "football"), ("journey", "trip")),
    *(("store", "shop"), ("road", "street"), ("mug", "cup"), ("pal", "friend"), ("forest", "woods"), ("ocean", "sea")),
    *(("mattress", "bed"), ("trousers", "pants"), ("vacation", "holiday"), ("lawyer", "attorney"), ("song", "music")),
    *(("teacher", "instructor"), ("meal", "dinner"), ("hat", "cap"), ("stone", "rock")),
]
DEEDS = [
    *(("bought", "purchase acquired"), ("likes", "fond of enjoys"), ("lost", "misplaced missing")),
    *(("needs", "requires wants"), ("dreams about", "imagine at night")),
]


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    path: Path = tmp_path_factory.mktemp("once") / "omoide.db"
    app = create_app(Settings.model_validate({"db": located(path), "embedder": "bge-small"}))
    with TestClient(app, "http://localhost") as client:
        client.post("/v3/workspaces", json={"id": "w"}).raise_for_status()
        for peer in ("ana", "bob"):
            client.post(f"{W}/peers", json={"id": peer}).raise_for_status()
        yield client


def add(http: TestClient, *contents: str) -> None:
    conclusions = [{"content": content, **PAIR} for content in contents]
    http.post(f"{W}/conclusions", json={"conclusions": conclusions}).raise_for_status()


def found(http: TestClient, query: str) -> list[str]:
    answer = http.post(f"{W}/conclusions/query", json={"query": query, "top_k": 10, "filters": PAIR})
    return [each["content"] for each in answer.raise_for_status().json()]


def test_conclusions_are_found_by_other_words_at_once(http: TestClient) -> None:
    missed = []
    for (thing, other), (did, asked) in product(THINGS, DEEDS):
        content = f"bob {did} a {thing}"
        add(http, content)
        if content not in found(http, f"{asked} {other}"):
            missed.append((content, asked, other))
    assert len(THINGS) * len(DEEDS) == 200
    assert missed == []


def test_a_message_is_found_by_other_words_at_once(http: TestClient) -> None:
    for thing, other in THINGS[:10]:
        content = f"I finally got a {thing} yesterday"
        said = {"messages": [{"peer_id": "bob", "content": content}]}
        http.post(f"{W}/sessions/s/messages", json=said).raise_for_status()
        assert content in [each["content"] for each in http.post(f"{W}/search", json={"query": other}).json()]


def test_a_number_is_found_among_hundreds_of_conclusions(http: TestClient) -> None:
    for start in range(0, 300, 100):
        add(http, *(f"bob said thing {n} about the locker {20_000 + 13 * n}" for n in range(start, start + 100)))
    for query in ("21313", "locker 21313?", "Which thing did bob say about locker #21313", "bob 21313"):
        assert found(http, query)[0] == "bob said thing 101 about the locker 21313", query


def test_the_name_of_the_observed_peer_does_not_count(http: TestClient) -> None:
    add(http, "bob bob bob", "he met bob, bob and bob", "the harbour is where bob moors")
    assert found(http, "Where does bob moor?")[0] == "the harbour is where bob moors"
    assert "bob bob bob" in found(http, "bob")
