"""Run tests of answers twice: with the cross-encoder, and without it."""

from __future__ import annotations

import pytest

from tests.reasoner.extractive.answering import WITH, WITHOUT, ranking


@pytest.fixture(params=[WITHOUT, WITH], ids=["by words", "by cross-encoder"])
def with_and_without_cross_encoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "reranker", request.param)
