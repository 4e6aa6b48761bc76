"""A search says how it found each result, if it is asked to."""

from __future__ import annotations

from typing import Any

import pytest

from tests.handlers.workspace import WorkspaceClient
from tests.search.test_message_search import talk

__all__ = ["talk"]


def explained(talk: WorkspaceClient, query: str, at: str = "", **body: Any) -> dict[str, Any]:
    """Content → how it was found. Without the explanation the result is the same."""
    asked = {"query": query, **body}
    plain = talk.ok("POST", f"{at}/search", asked)
    found = talk.ok("POST", f"{at}/search", {**asked, "explain": True})
    assert [{key: value for key, value in each.items() if key != "match"} for each in found] == plain
    assert [each["match"]["rank"] for each in found] == [*range(1, len(found) + 1)]
    return {each["content"]: each["match"] for each in found}


def test_words_and_meaning_have_their_ranks_and_the_distance(talk: WorkspaceClient) -> None:
    found = explained(talk, "Which dog dug?")
    first = found["Our dog Rex dug up the garden."]
    assert (first["rank"], first["words_rank"], first["meaning_rank"]) == (1, 1, 1)
    assert first["reasons"][:2] == ["words", "meaning"]
    assert 0 < first["distance"] < 1
    assert first["rerank_score"] is None
    assert len({each["words_rank"] for each in found.values() if each["words_rank"]}) == sum(
        each["words_rank"] is not None for each in found.values()
    )


def test_exact_and_verbatim_matches_are_told(talk: WorkspaceClient) -> None:
    match = explained(talk, "user_id")["Where did you put main.py and user_id?"]
    assert {"exact", "verbatim"} <= {*match["reasons"]}
    match = explained(talk, "dog days")["The dog days are over."]
    assert "verbatim" in match["reasons"]
    match = explained(talk, "iscoun", limit=1)["He got a discount of 50% on t-shirts."]
    assert (match["reasons"][-1], match["words_rank"]) == ("verbatim", None)


def test_neighbours_and_named_speakers_are_told(talk: WorkspaceClient) -> None:
    found = explained(talk, "Rex")
    assert found["Our dog Rex dug up the garden."]["reasons"][0] == "words"
    assert "neighbour" in found["He got a discount of 50% on t-shirts."]["reasons"]
    assert "speaker" in explained(talk, "bob's garden")["The garden will recover."]["reasons"]


def test_the_newest_messages_say_that_nothing_was_sought(talk: WorkspaceClient) -> None:
    for at in ("/sessions/home", "/peers/alice"):
        assert {*(tuple(each["reasons"]) for each in explained(talk, "", at).values())} == {("newest",)}


def test_the_score_of_the_cross_encoder_is_told(talk: WorkspaceClient) -> None:
    found = explained(talk, "Where is the dog?", rerank=True)
    assert all(each["reasons"][-1] == "reranked" and each["rerank_score"] is not None for each in found.values())


def test_a_query_of_conclusions_tells_the_same(workspace_client: WorkspaceClient) -> None:
    for name in ("alice", "bob"):
        workspace_client.peer(name)
    pair = {"observer_id": "alice", "observed_id": "bob"}
    batch = [{"content": content, **pair} for content in ("bob has a dog", "bob likes tea", "bob uses user_id")]
    workspace_client.ok("POST", "/conclusions", {"conclusions": batch})
    asked: dict[str, Any] = {"query": "dog", "filters": pair}
    plain = workspace_client.ok("POST", "/conclusions/query", asked)
    assert all("match" not in each for each in plain)
    found = workspace_client.ok("POST", "/conclusions/query", {**asked, "explain": True, "rerank": True})
    match = found[0].pop("match")
    assert found[0] == plain[0]
    assert match["reasons"] == ["words", "meaning", "verbatim", "reranked"]
    assert (match["rank"], match["words_rank"], match["meaning_rank"]) == (1, 1, 1)
    assert 0 <= match["distance"] < 1
    (exact,) = workspace_client.ok("POST", "/conclusions/query", {"query": "user_id", "top_k": 1, "explain": True})
    assert {"exact", "verbatim"} <= {*exact["match"]["reasons"]}
    newest = workspace_client.ok("POST", "/conclusions/query", {"query": " ", "explain": True})
    assert [each["match"]["reasons"] for each in newest] == [["newest"]] * 3


@pytest.mark.parametrize("path", ["/search", "/conclusions/query"])
def test_explain_is_true_or_false(path: str, workspace_client: WorkspaceClient) -> None:
    assert workspace_client.call("POST", path, {"query": "x", "explain": "maybe"}).status_code == 422
