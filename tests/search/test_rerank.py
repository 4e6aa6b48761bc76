"""The reranker orders a pool by the cross-encoder, and leaves it as it is where it cannot judge."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from omoide.core import text_cache
from omoide.core.settings import Settings
from omoide.inference.cross_encoder import make_cross_encoder
from omoide.search.rerank import MOST_TEXT, Reranker, Scores, turn_text
from tests.handlers.workspace import WorkspaceClient

TEXTS = ["The weather is nice today.", "I like tea.", "I moved to Lisbon in March."]


@dataclass
class Counted:
    """Scores by length, and counts the pairs that it was given."""

    texts: list[str] = field(default_factory=list)
    fails: bool = False

    def score(self, query: str, texts: Sequence[str]) -> Scores:
        if self.fails:
            raise RuntimeError("no such model")
        self.texts += texts
        return np.array([len(text) for text in texts], np.float32)


def order(reranker: Reranker, query: str, texts: Sequence[str]) -> list[str]:
    return asyncio.run(reranker.order(query, texts, texts))


@pytest.fixture(scope="module")
def real() -> Reranker:
    return Reranker(make_cross_encoder(Settings.model_validate({"cross_encoder": True})))


def test_the_text_that_answers_comes_first(real: Reranker) -> None:
    assert order(real, "In which city does she live?", TEXTS)[0] == TEXTS[2]


def test_a_reply_is_judged_with_the_question_before_it(real: Reranker) -> None:
    reply = turn_text("ana", "On the elbow.", "Where did the dog bite you?")
    scores = real.score("Where was ana bitten?", [reply, turn_text("ana", "On the elbow.")])
    assert scores is not None
    assert scores[0] > scores[1] + 3


@pytest.mark.parametrize(
    "query", ["她住在哪里？", "彼女はどこに住んでいますか", "Где она живёт?", "42?", "", "เธออยู่ที่ไหน"]
)
def test_a_query_in_another_script_is_not_judged(query: str) -> None:
    reranker = Reranker(Counted())
    assert not reranker.judges(query)
    assert order(reranker, query, TEXTS) == TEXTS


def test_nothing_is_reordered_without_a_cross_encoder() -> None:
    assert order(Reranker(None), "Where does she live?", TEXTS) == TEXTS


def test_a_cross_encoder_that_fails_is_not_used_again() -> None:
    broken = Counted(fails=True)
    reranker = Reranker(broken)
    assert order(reranker, "Where?", TEXTS) == TEXTS
    broken.fails = False
    assert order(reranker, "Where?", TEXTS) == TEXTS
    assert not reranker.judges("Where?")


def test_a_pair_is_scored_once_until_texts_are_deleted() -> None:
    counted = Counted()
    reranker = Reranker(counted)
    assert order(reranker, "Where?", [*TEXTS, *TEXTS]) == order(reranker, "Where?", [*TEXTS, *TEXTS])
    assert counted.texts == TEXTS
    text_cache.clear_all()
    order(reranker, "Where?", TEXTS)
    assert counted.texts == [*TEXTS, *TEXTS]


def test_only_the_beginning_of_a_long_text_is_scored() -> None:
    counted = Counted()
    Reranker(counted).score("Where?", ["x" * 100_000])
    assert [len(text) for text in counted.texts] == [MOST_TEXT]


def test_a_search_reranks_only_if_asked(workspace_client: WorkspaceClient) -> None:
    workspace_client.say("s", "Where will you spend the summer?", peer="bob")
    workspace_client.say("s", "With my aunt near Trieste.", peer="ana")
    workspace_client.say("s", "ana, the summer, the summer!", "Where is my summer coat?", peer="bob")

    def first(at: str = "", **body: object) -> str:
        asked = {"query": "Where will ana spend the summer?", "limit": 2, **body}
        found = workspace_client.ok("POST", f"{at}/search", asked)
        assert len(found) == (1 if at.startswith("/peers") else 2)
        return str(found[0]["content"])

    assert first() != "With my aunt near Trieste."
    assert first(rerank=False) == first() == first(rerank=None)
    for at in ("", "/sessions/s", "/peers/ana"):
        assert first(at, rerank=True) == "With my aunt near Trieste."


def test_conclusions_are_reranked_if_asked(workspace_client: WorkspaceClient) -> None:
    contents = ["ana likes the summer in the city", "ana spends July near Trieste with an aunt"]
    workspace_client.peer("ana")
    workspace_client.ok(
        "POST",
        "/conclusions",
        {"conclusions": [{"content": each, "observer_id": "ana", "observed_id": "ana"} for each in contents]},
    )
    asked = {"query": "Whom does ana visit in the summer?", "top_k": 1, "rerank": True}
    filters = {"observer_id": "ana", "observed_id": "ana"}
    (found,) = workspace_client.ok("POST", "/conclusions/query", {**asked, "filters": filters})
    assert found["content"] == contents[1]
